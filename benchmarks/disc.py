"""A disc that is slower than this machine's: `--commit 3` has every sync to it take 3 ms more, of whichever program is started meanwhile."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static int after(const char *name, int file) {
    struct timespec left = {DELAY / 1000000000L, DELAY % 1000000000L};
    nanosleep(&left, 0);
    return ((int (*)(int))dlsym(RTLD_NEXT, name))(file);
}

int fsync(int file) { return after("fsync", file); }
int fdatasync(int file) { return after("fdatasync", file); }
"""
"""What stands before the C library: databases wait for the disc by these two."""


@contextmanager
def slower(milliseconds: float) -> Iterator[None]:
    """Programs that are started inside the block find the disc so much slower. RuntimeError where there is no C compiler."""
    compiler = shutil.which("cc")
    if not milliseconds:
        yield
        return
    if compiler is None:
        raise RuntimeError("A slower disc takes a C compiler, and there is no cc here. On Debian: apt-get install gcc libc6-dev")
    with tempfile.TemporaryDirectory(prefix="cartwheel-disc-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as somebody else
        source, library = Path(folder, "disc.c"), Path(folder, "disc.so")
        source.write_text(SOURCE)
        command = [compiler, "-shared", "-fPIC", "-O2", f"-DDELAY={round(milliseconds * 1e6)}L", "-o", str(library), str(source), "-ldl"]
        subprocess.run(command, check=True)
        before = os.environ.get("LD_PRELOAD")
        os.environ["LD_PRELOAD"] = f"{library}:{before}" if before else str(library)
        try:
            yield
        finally:
            os.environ.pop("LD_PRELOAD")
            if before:
                os.environ["LD_PRELOAD"] = before
