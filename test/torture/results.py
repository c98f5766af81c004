"""Reads a results file with nothing of weir's: checks each line's CRC-32C, and tells results from notes.

    results.py FILE EXPRESSION    prints the Python expression over

        r       the results by custom_id        results  all of them, in order
        notes   what is under `journal`         events   their events ("head" for the first one)
        bad     numbers of the lines that are no line of a journal, or whose checksum is wrong
        raw     the file's bytes                lines    its lines, as bytes
"""
import json
import sys


def make_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82f63b78 if byte & 1 else 0)  # Castagnoli's polynomial, bits reversed
        table.append(byte)
    return table


TABLE = make_table()


def crc32c(data):
    crc = 0xffffffff
    table = TABLE
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


assert crc32c(b'123456789') == 0xe3069283

TAIL = len(',"crc":"1a2b3c4d"}')


def sealed(data):
    """A line (bytes, without its end) with its checksum after it: `data` is an object without its last brace."""
    return data + b',"crc":"%08x"}' % crc32c(data)


def unpack(line):
    """The object in a line without its line end; None where it is no valid line."""
    head, tail = line[:-TAIL], line[-TAIL:]
    if not tail.startswith(b',"crc":"') or not tail.endswith(b'"}') or tail[8:16] != b'%08x' % crc32c(head):
        return None
    try:
        value = json.loads(line.decode('utf-8'))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


class Journal:
    """All lines of a file.  `cache` (line -> object) spares the checksums of lines seen before."""

    def __init__(self, raw, cache=None):
        self.raw = raw
        self.lines = raw.split(b'\n')
        self.torn = self.lines.pop()  # what follows the last line end
        self.results = []
        self.notes = []
        self.bad = []
        for number, line in enumerate(self.lines, 1):
            value = cache.get(line) if cache is not None else None
            if value is None:
                value = unpack(line)
                if cache is not None and value is not None:
                    cache[line] = value
            if value is None:
                self.bad.append(number)
            elif 'journal' in value:
                self.notes.append(value['journal'])
            else:
                self.results.append(value)
        if self.torn:
            self.bad.append(len(self.lines) + 1)

    def whole(self):
        """The bytes of the valid lines from the beginning on."""
        count = self.bad[0] - 1 if self.bad else len(self.lines)
        return b''.join(line + b'\n' for line in self.lines[:count])


def read(path, cache=None):
    with open(path, 'rb') as file:
        return Journal(file.read(), cache)


def main():
    journal = read(sys.argv[1])
    names = {
        'r': {result['custom_id']: result for result in journal.results},
        'results': journal.results,
        'notes': journal.notes,
        'events': [note.get('event', 'head') for note in journal.notes],
        'bad': journal.bad,
        'raw': journal.raw,
        'lines': journal.lines,
    }
    print(eval(sys.argv[2], names))  # pylint: disable=eval-used


if __name__ == '__main__':
    main()
