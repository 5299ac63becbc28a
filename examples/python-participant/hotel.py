"""A hotel that takes part in transactions, behind a sidecar of Concordat (docs/other-languages.md).

    python3 hotel.py PORT DATABASE [ROOMS]

A room is free, held by a try, or booked by its confirm. A held or booked room keeps the names of its enlistment: so a
message that comes twice finds what the first one did. SQLite has synced each change before it is answered.
"""

import json
import re
import sqlite3
import sys
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY_BYTES_MAX = 64 * 1024
HELD_MAX = 4096  # What one answer of /held may name; the sidecar asks again for the rest.

SCHEMA = """CREATE TABLE IF NOT EXISTS room (
  number INTEGER PRIMARY KEY, state TEXT NOT NULL DEFAULT 'free',
  transaction_id TEXT, enlistment TEXT, guest TEXT, UNIQUE (transaction_id, enlistment))"""
MINE = 'transaction_id = ? AND enlistment = ?'


class Refusal(Exception):
    """The hotel says no; the reason is a code that the client sees."""


class Hotel:
    def __init__(self, path, rooms):
        self.path = path
        with self._change() as db:
            db.execute(SCHEMA)
            numbers = [(number,) for number in range(1, rooms + 1)]
            db.executemany('INSERT OR IGNORE INTO room (number) VALUES (?)', numbers)

    @contextmanager
    def _change(self):
        """One change at a time, all or nothing, on disk when it is left."""
        with closing(sqlite3.connect(self.path, timeout=5, isolation_level=None)) as db:
            db.execute('PRAGMA synchronous = EXTRA')
            db.execute('BEGIN IMMEDIATE')
            yield db
            db.execute('COMMIT')  # Not reached where it raises: closing rolls back.

    def attempt(self, names, operation, payload):
        """Holds a room. The same names again: the same room."""
        guest = payload.get('guest') if isinstance(payload, dict) else None
        if operation != 'reserve':
            raise Refusal('UnknownOperation')
        if not isinstance(guest, str) or not 1 <= len(guest) <= 100:
            raise Refusal('NoGuest')
        with self._change() as db:
            held = db.execute(f'SELECT number FROM room WHERE {MINE}', names).fetchone()
            free = "SELECT number FROM room WHERE state = 'free' ORDER BY number LIMIT 1"
            room = held or db.execute(free).fetchone()
            if room is None:
                raise Refusal('FullyBooked')
            if held is None:
                db.execute(
                    "UPDATE room SET state = 'held', transaction_id = ?, enlistment = ?, guest = ? WHERE number = ?",
                    (*names, guest, room[0]),
                )
            return {'room': room[0]}

    def confirm(self, names):
        """Books what is held; does nothing where it is booked. False where it is neither."""
        with self._change() as db:
            return db.execute(f"UPDATE room SET state = 'booked' WHERE {MINE}", names).rowcount == 1

    def cancel(self, names):
        """Frees what is held; does nothing where nothing is."""
        with self._change() as db:
            free = "state = 'free', transaction_id = NULL, enlistment = NULL, guest = NULL"
            db.execute(f"UPDATE room SET {free} WHERE {MINE} AND state = 'held'", names)

    def held(self):
        select = "SELECT transaction_id, enlistment FROM room WHERE state = 'held' LIMIT ?"
        with self._change() as db:
            rows = db.execute(select, (HELD_MAX,)).fetchall()
        return [{'transactionId': tid, 'enlistment': enlistment} for tid, enlistment in rows]

    def rooms(self):
        with self._change() as db:
            rows = db.execute('SELECT number, state, guest FROM room ORDER BY number').fetchall()
        return [{'room': number, 'state': state, 'guest': guest} for number, state, guest in rows]


class Messages(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    timeout = 60  # Of an idle connection.
    hotel = None

    def do_GET(self):
        lists = {'/held': self.hotel.held, '/rooms': self.hotel.rooms}
        if self.path in lists:
            return self.answer(200, lists[self.path]())
        self.answer(404, {'error': 'no such path'})

    def do_POST(self):
        try:
            message = self.message()
            names = (message['transactionId'], message['enlistment'])
            if not all(isinstance(name, str) and re.fullmatch(r'[\w.-]{1,200}', name) for name in names):
                raise ValueError('not the names of an enlistment')
        except (ValueError, KeyError, TypeError) as error:
            self.close_connection = True
            return self.answer(400, {'error': str(error)})
        try:
            self.carry_out(names, message)
        except Refusal as refusal:
            self.answer(409, {'reason': str(refusal)})

    def carry_out(self, names, message):
        if self.path == '/try':
            result = self.hotel.attempt(names, message.get('operation'), message.get('payload'))
            self.answer(200, {'result': result})
        elif self.path == '/confirm':
            is_booked = self.hotel.confirm(names)
            self.answer(*((200, {}) if is_booked else (404, {'error': 'nothing of it is held or booked'})))
        elif self.path == '/cancel':
            self.hotel.cancel(names)
            self.answer(200, {})
        else:
            self.answer(404, {'error': 'no such path'})

    def message(self):
        length = int(self.headers.get('content-length', 0))
        if not 0 < length <= BODY_BYTES_MAX:
            raise ValueError('too long, or of unknown length')
        return json.loads(self.rfile.read(length))

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header('content-type', 'application/json')
        self.send_header('content-length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == '__main__':
    port, database, *rest = sys.argv[1:]
    Messages.hotel = Hotel(database, int(rest[0]) if rest else 12)
    ThreadingHTTPServer(('127.0.0.1', int(port)), Messages).serve_forever()
