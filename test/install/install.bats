# What `make install` puts somewhere is all that a user and an outside project need: the command, both libraries by
# pkg-config and by CMake, the manual, and `weir exec`.  Nothing here may use the source tree but to install from it.

load ../cli/helpers

root=$BATS_TEST_DIRNAME/../..

# Installs with the variables given, and nothing of the surrounding make's.
installing() { # TARGET VARIABLE=VALUE...
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u BINDIR -u LIBDIR -u INCLUDEDIR -u DATADIR -u MANDIR -u PKGCONFIGDIR \
        -u CMAKEDIR -u BASHDIR -u ZSHDIR -u DESTDIR -u PREFIX -u MODE make -s -C "$root" LDCONFIG=: "$@"
}

setup_file() {
    [ "${WEIR_TEST_MODE:-release}" = release ] || return 0
    installing install PREFIX="$BATS_FILE_TMPDIR/prefix"
}

setup() {
    [ "${WEIR_TEST_MODE:-release}" = release ] || skip 'only the release build is installed'
    prefix=$BATS_FILE_TMPDIR/prefix
    weir=$prefix/bin/weir
    export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=
    cd "$BATS_TEST_TMPDIR" || return 1
}

teardown() {
    stop_target
}

public_functions() {
    sed -n 's/^WEIR_EXPORT.*[ *]\(weir_[a-z0-9_]*\)(.*/\1/p' "$prefix/include/weir.h"
}

# The program runs against a target, and sees the version that the library has.
serves() { # PROGRAM
    run timeout 20 "$1" "$URL/"
    is "$status $output" "0 $("$weir" --version | cut -d' ' -f2): 20 of 20"
}

@test "uninstall removes what install put there, and nothing else" {
    where=(DESTDIR="$PWD/stage" PREFIX=/usr LIBDIR=/usr/lib/some-triplet)
    umask 077
    installing install "${where[@]}"
    find stage ! -type d -printf '%P\n' | sort >installed
    for file in bin/weir include/weir.h lib/some-triplet/libweir.a lib/some-triplet/pkgconfig/weir.pc \
        lib/some-triplet/cmake/weir/weirConfig.cmake lib/some-triplet/cmake/weir/weirConfigVersion.cmake \
        lib/weir/libweir-exec.so share/man/man1/weir.1 share/man/man3/weir.3 share/man/man3/weir_new.3 \
        share/man/man5/weir.conf.5 share/bash-completion/completions/weir share/zsh/site-functions/_weir; do
        grep -qx "usr/$file" installed || { echo "not installed: $file" && return 1; }
    done
    version=$("$weir" --version | cut -d' ' -f2)
    is "$(readlink stage/usr/lib/some-triplet/libweir.so)" libweir.so.0
    is "$(readlink stage/usr/lib/some-triplet/libweir.so.0)" "libweir.so.$version"
    is "$(find stage -type f ! -perm -444)" '' # whatever the umask
    is "$(find stage -xtype l)" ''             # no link leads nowhere
    grep -rl "$PWD" stage && return 1          # DESTDIR is in none of them

    touch stage/usr/lib/weir/other stage/usr/bin/other
    installing uninstall "${where[@]}"
    is "$(find stage ! -type d | sort | tr '\n' ' ')" 'stage/usr/bin/other stage/usr/lib/weir/other '
    rm stage/usr/lib/weir/other
    installing uninstall "${where[@]}"
    [ ! -e stage/usr/lib/weir ]
    [ ! -e stage/usr/lib/some-triplet/cmake/weir ]
}

@test "install takes what is built, whatever its own flags, and as another user" {
    build=${WEIR%/*}
    before=$(stat -c '%n %Y %i' "$build"/{weir,flags,libweir.a,libweir.so})
    installing install CC=false CFLAGS=-O0 CPPFLAGS=-DOTHER DESTDIR="$PWD/stage"
    cmp "$build/weir" stage/usr/local/bin/weir
    if [ "$(id -u)" -eq 0 ] && setpriv --reuid=65534 --regid=65534 --clear-groups test -r "$root/Makefile"; then
        mkdir other && chmod 755 . .. ../.. && chown 65534:65534 other
        HOME=/nonexistent setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$PWD/other" ||
            skip 'another user does not come to the temporary folder'
        run setpriv --reuid=65534 --regid=65534 --clear-groups env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
            make -s -C "$root" install DESTDIR="$PWD/other"
        is "$status" 0
        cmp "$build/weir" other/usr/local/bin/weir
    fi
    is "$(stat -c '%n %Y %i' "$build"/{weir,flags,libweir.a,libweir.so})" "$before"
}

@test "pkg-config: C and C++ programs with the shared library" {
    start_target
    warnings='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror'
    is "weir $(pkg-config --modversion weir)" "$("$weir" --version)"
    # shellcheck disable=SC2046,SC2086 # lists of flags
    {
        gcc -std=c99 $warnings "$BATS_TEST_DIRNAME/client.c" -o c $(pkg-config --cflags --libs weir)
        g++ -std=c++11 $warnings "$BATS_TEST_DIRNAME/client.cc" -o cc $(pkg-config --cflags --libs weir)
    }
    has "$(readelf -d c)" '[libweir.so.0]'
    lacks "$(readelf -d c)" libcurl # which is the library's business
    export LD_LIBRARY_PATH=$prefix/lib
    serves ./c
    serves ./cc
}

@test "pkg-config --static: C and C++ programs with the static library" {
    start_target
    # Where there is only libweir.a; everywhere else, the linker prefers the shared one.
    cp -r "$prefix" static && rm static/lib/libweir.so*
    export PKG_CONFIG_PATH=$PWD/static/lib/pkgconfig
    # shellcheck disable=SC2046 # lists of flags
    {
        gcc -Wall -Wextra -Werror "$BATS_TEST_DIRNAME/client.c" -o c \
            $(pkg-config --define-variable=prefix="$PWD/static" --static --cflags --libs weir)
        g++ -std=c++11 -Wall -Wextra -Werror "$BATS_TEST_DIRNAME/client.cc" -o cc \
            $(pkg-config --define-variable=prefix="$PWD/static" --static --cflags --libs weir)
    }
    lacks "$(readelf -d c)" libweir
    serves ./c
    serves ./cc
}

@test "every public function is in both installed libraries" {
    {
        echo '#include <weir.h>'
        echo 'typedef void (*function)(void);'
        echo 'const function all[] = {'
        public_functions | sed 's/.*/    (function)&,/'
        echo '};'
        echo 'int main(void) { return all[0] == 0; }'
    } >all.c
    [ "$(public_functions | wc -l)" -gt 10 ]
    # shellcheck disable=SC2046 # lists of flags
    {
        gcc -std=c99 -Wall -Wextra -Werror all.c -o shared $(pkg-config --cflags --libs weir)
        gcc -std=c99 -Wall -Wextra -Werror -I"$prefix/include" all.c -o static "$prefix/lib/libweir.a" \
            $(pkg-config --static --libs weir | sed 's/-lweir//')
    }
    for name in $(public_functions); do
        [ -e "$prefix/share/man/man3/$name.3" ] || { echo "no page for $name" && return 1; }
    done
}

@test "CMake: shared and static targets in C and C++, from a tree that was moved" {
    start_target
    installing install PREFIX="$PWD/p" LIBDIR="$PWD/p/lib/$(gcc -print-multiarch)" INCLUDEDIR="$PWD/p/include/weir-0"
    mv p moved
    unset PKG_CONFIG_PATH
    cp "$BATS_TEST_DIRNAME"/{CMakeLists.txt,client.c,client.cc} .
    cmake -S . -B out -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$PWD/moved" >log 2>&1 ||
        { cat log && return 1; }
    cmake --build out -j 2 >log 2>&1 || { cat log && return 1; }
    has "$(readelf -d out/c_shared)" '[libweir.so.0]'
    lacks "$(readelf -d out/c_static)" libweir
    for program in c_shared cc_shared c_static cc_static; do serves out/$program; done
}

@test "the manual's pages are found and can be read" {
    for page in 1/weir 3/weir 3/weir_new 3/weir_limits_acquire 5/weir.conf; do
        file=$prefix/share/man/man${page%/*}/${page#*/}.${page%/*}
        if command -v man >/dev/null; then is "$(man -M "$prefix/share/man" -w "${page%/*}" "${page#*/}")" "$(realpath "$file")"; fi
        run mandoc -T utf8 -W error "$file"
        is "$status" 0
        [ "${#lines[@]}" -gt 20 ]
    done
}

@test "the installed weir exec finds its library, in a tree that was moved, too" {
    start_target --limit 20/500ms
    unset LD_LIBRARY_PATH WEIR_EXEC_LIBRARY
    curls() { "$@" curl -s -Z --parallel-immediate -o /dev/null "$URL/[1-40]"; }
    curls env
    [ "$(stats refused)" -gt 0 ]
    curl -s -X POST "$URL/reset"
    curls "$weir" exec -r 20/500ms --
    is "$(stats arrivals) $(stats refused)" '40 0'
    curl -s -X POST "$URL/reset"
    cp -r "$prefix" moved
    curls moved/bin/weir exec -r 20/500ms --
    is "$(stats arrivals) $(stats refused)" '40 0'
}
