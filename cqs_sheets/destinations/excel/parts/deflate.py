"""Deflating a long part on several cores: in blocks that do not refer to each other, one stream in the end."""

from __future__ import annotations

import os
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

codec: Any
try:  # several times faster; any zlib writes the same format
    from isal import isal_zlib

    codec, LEVEL = isal_zlib, 1  # of its levels the quickest, and still within 6 % of zlib's level 6
except ImportError:  # pragma: no cover - isal is a dependency, some platforms have no wheel
    codec, LEVEL = zlib, 5

_BLOCK = 1 << 20
_WORKERS = min(4, os.cpu_count() or 1)
_FINAL = b"\x03\x00"  # an empty last block


def deflated(pieces: Iterable[bytes], seen: Callable[[bytes], None]) -> Iterator[bytes]:
    """The raw deflate stream of pieces; `seen` is told each stretch of them, in order.

    At most a few megabytes are under way at a time.
    """
    blocks = _blocks(pieces)
    first = next(blocks, b"")
    seen(first)
    second = next(blocks, None)
    if second is None:
        yield _deflated_block(first) + _FINAL
        return
    with ThreadPoolExecutor(_WORKERS) as pool:
        waiting: deque[Future[bytes]] = deque([pool.submit(_deflated_block, first)])
        block: bytes | None = second
        while block is not None:
            seen(block)
            waiting.append(pool.submit(_deflated_block, block))
            if len(waiting) > _WORKERS + 1:
                yield waiting.popleft().result()
            block = next(blocks, None)
        for future in waiting:
            yield future.result()
    yield _FINAL


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _BLOCK:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _deflated_block(block: bytes) -> bytes:
    deflater = codec.compressobj(LEVEL, zlib.DEFLATED, -15)
    done: bytes = deflater.compress(block) + deflater.flush(zlib.Z_SYNC_FLUSH)
    return done
