"""The worker's Unix socket: one JSON object a line in, one a line out."""

import contextlib
import fcntl
import json
import os
import selectors
import signal
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

MAX_LINE_BYTES = 1 << 20
# Of sockaddr_un.sun_path on Linux, with its closing zero.
_MAX_PATH_BYTES = 107


class DoorTaken(Exception):
    """Another server listens here."""


class Connection:
    """One client; what it has sent of a line that is not complete yet."""

    def __init__(self, client: socket.socket) -> None:
        self.socket = client
        self.pending = b""

    def answer(self, answer: Mapping[str, Any]) -> None:
        """Sends one line. A client that has gone, or does not read, is no reason to stop."""
        with contextlib.suppress(OSError):
            self.socket.sendall(json.dumps(answer, allow_nan=False).encode() + b"\n")

    def refuse(self, code: str, message: str) -> None:
        """Answers with an error of the contract."""
        self.answer({"ok": False, "code": code, "message": message})


class Door:
    """Listens on a socket file that is held by a lock, so that there is one server at most, and none after a crash."""

    def __init__(self, path: Path) -> None:
        if len(os.fsencode(path)) > _MAX_PATH_BYTES:
            raise ValueError(f"the socket path {path} is longer than the {_MAX_PATH_BYTES} bytes that a Unix socket may have")
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise DoorTaken(f"another worker listens on {path}") from None
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        previous = os.umask(0o177)  # only this user may command the worker
        try:
            self._listener.bind(str(path))
        finally:
            os.umask(previous)
        self._listener.listen(64)
        self._listener.setblocking(False)
        self._wake_out, self._wake_in = socket.socketpair()
        for end in (self._wake_out, self._wake_in):
            end.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        self.connections: set[Connection] = set()
        # Signals that have come since they were last looked at.
        self.signals: set[int] = set()

    def watch_signals(self, *watched: signal.Signals) -> None:
        """Makes these signals end a wait and appear in `signals`. To be called in the main thread."""
        for number in watched:
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self._wake_in.fileno(), warn_on_full_buffer=False)

    def wake(self) -> None:
        """Ends a wait in another thread."""
        self._wake_in.send(b"\0")

    def lines(self, timeout: float | None) -> Iterator[tuple[Connection, bytes]]:
        """Waits for something to happen, at most so many seconds; the lines that have come."""
        for key, _ in self._selector.select(timeout):
            if key.fileobj is self._listener:
                self._accept()
            elif key.fileobj is self._wake_out:
                self.signals |= set(self._wake_out.recv(4096)) - {0}
            else:
                yield from self._read(key.data)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            client, _ = self._listener.accept()
            client.settimeout(5)  # for an answer that the client does not read
            connection = Connection(client)
            self.connections.add(connection)
            self._selector.register(client, selectors.EVENT_READ, connection)

    def _read(self, connection: Connection) -> Iterator[tuple[Connection, bytes]]:
        try:
            received = connection.socket.recv(1 << 16)
        except OSError:
            received = b""
        if not received:
            self._drop(connection)
            return
        *lines, connection.pending = (connection.pending + received).split(b"\n")
        for line in lines:
            yield connection, line
        if len(connection.pending) > MAX_LINE_BYTES:
            connection.refuse("invalid_request", f"a line is longer than {MAX_LINE_BYTES} bytes")
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self.connections.discard(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()

    def close_in_child(self) -> None:
        """Gives up every descriptor in a forked process; the parent keeps its own."""
        signal.set_wakeup_fd(-1)
        for connection in self.connections:
            connection.socket.close()
        for end in (self._listener, self._wake_in, self._wake_out, self._selector):
            end.close()
        os.close(self._lock)

    def close(self) -> None:
        """Takes the socket file away and lets the next server in."""
        signal.set_wakeup_fd(-1)
        self._path.unlink(missing_ok=True)
        for connection in list(self.connections):
            self._drop(connection)
        for end in (self._selector, self._listener, self._wake_in, self._wake_out):
            end.close()
        os.close(self._lock)
