"""Bodies as servers compress them: what Python lacks comes from the libraries that the proxy's build needs anyway."""

import ctypes
import gzip as gzip_module
import zlib


def gzip(content, flush=None):
    """With a flush behind every piece of that size, as streams have it."""
    if flush is None:
        return gzip_module.compress(content, mtime=0)
    return b"".join(gzip_pieces(content[i:i + flush] for i in range(0, len(content), flush)))


def gzip_pieces(pieces):
    """One gzip member in pieces, each of which can be decoded as soon as it is there."""
    coder = zlib.compressobj(9, zlib.DEFLATED, 31)
    for piece in pieces:
        yield coder.compress(piece) + coder.flush(zlib.Z_SYNC_FLUSH)
    yield coder.flush()


def deflate(content):
    return zlib.compress(content)


def raw_deflate(content):
    coder = zlib.compressobj(9, zlib.DEFLATED, -15)
    return coder.compress(content) + coder.flush()


def brotli(content):
    library = ctypes.CDLL("libbrotlienc.so.1")
    size = ctypes.c_size_t(len(content) + 1024)
    room = ctypes.create_string_buffer(size.value)
    if library.BrotliEncoderCompress(5, 22, 0, ctypes.c_size_t(len(content)), content, ctypes.byref(size), room) != 1:
        raise AssertionError("brotli cannot compress it")
    return room.raw[:size.value]


def zstd(content):
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_compress.restype = ctypes.c_size_t
    room = ctypes.create_string_buffer(len(content) + 1024)
    size = library.ZSTD_compress(room, ctypes.c_size_t(len(room)), content, ctypes.c_size_t(len(content)), 3)
    if size > len(room):
        raise AssertionError("zstd cannot compress it")
    return room.raw[:size]
