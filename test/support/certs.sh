#!/bin/sh
# Makes a test CA and certificates in the directory DIR, for 127.0.0.1 and localhost unless said otherwise:
#   ca.pem       the authority                 server.pem   good
#   expired.pem  signed, out of date           wrong.pem    signed, for another host
#   self.pem     signed by nobody else         client.pem   signed, for a client
# Each with its key in NAME.key; locked.key is client.key under a passphrase.
# Usage: certs.sh DIR
set -eu
cd "$1"

key() { # NAME
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>/dev/null
}

self_signed() { # NAME SUBJECT EXTENSION
    key "$1"
    openssl req -x509 -new -key "$1.key" -subj "$2" -days 2 -addext "$3" -out "$1.pem"
}

signed() { # NAME SUBJECT-ALT-NAME DAYS
    key "$1"
    openssl req -new -key "$1.key" -subj "/CN=weir test $1" -out "$1.csr"
    printf 'subjectAltName=%s\n' "$2" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days "$3" -extfile "$1.ext" \
        -out "$1.pem" 2>/dev/null
}

self_signed ca "/CN=weir test CA" "keyUsage=keyCertSign"
here=IP:127.0.0.1,DNS:localhost
signed server "$here" 2
signed expired "$here" -1
signed wrong DNS:elsewhere.example 2
signed client DNS:client.example 2
self_signed self "/CN=weir test self" "subjectAltName=$here"
openssl pkey -in client.key -aes128 -passout pass:secret -out locked.key
