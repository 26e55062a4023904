"""small_disk: a disk that is soon full: a tmpfs of a few megabytes, seen by this process and its children only.

    require()                                # once, at the start, before any thread
    disk = SmallDisk(folder, megabytes=64)   # mounted on the folder
    disk.fill(); ...; disk.free()            # no byte left, and kept so; space again

Mounting needs a mount namespace: root has it, anyone else gets one with a user namespace around it, into which the process is
started anew by unshare(1). The mount is gone with the last process that sees it, however that ends.
"""
import ctypes
import errno
import os
import shutil
import subprocess
import sys
import threading

CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE, MNT_DETACH = 0x4000, 1 << 18, 2
INSIDE = "NOVAPAY_FIRE_MOUNTS"   # set in a process that has been started anew
TOP_UP_EVERY_S = 0.02
LIBC = ctypes.CDLL(None, use_errno=True)


def call(function, *arguments):
    if getattr(LIBC, function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")


def require():
    """Makes mounting possible, or gives the reason why it is not. May start the program anew (and then does not return)."""
    try:
        if os.geteuid() == 0 or os.environ.get(INSIDE):
            if os.geteuid() == 0:
                call("unshare", CLONE_NEWNS)
            call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
            return None
    except OSError as why:
        return f"this process may not mount: {why}"
    inside = ["unshare", "--user", "--map-current-user", "--mount", "--keep-caps"]
    if not shutil.which("unshare") or subprocess.run([*inside, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        return "this user may not make a user namespace to mount in"
    os.environ[INSIDE] = "1"
    os.execvp(inside[0], [*inside, sys.executable, *sys.argv])


class SmallDisk:
    def __init__(self, folder, megabytes):
        self.folder = os.fspath(folder)
        os.makedirs(self.folder, exist_ok=True)
        before = os.stat(self.folder)
        call("mount", b"tmpfs", self.folder.encode(), b"tmpfs", 0, f"size={megabytes}m,mode=0700".encode())
        if os.geteuid() == 0:
            os.chown(self.folder, before.st_uid, before.st_gid)
        self.filler = None
        self.stopping = threading.Event()
        self.topping_up = None

    @property
    def left(self):
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def fill(self):
        """Takes every byte, and goes on taking what others give back."""
        self.filler = open(os.path.join(self.folder, "filler"), "ab", buffering=0)
        self._take_all()
        self.stopping.clear()
        self.topping_up = threading.Thread(target=self._keep_full, daemon=True)
        self.topping_up.start()

    def free(self):
        self.stopping.set()
        self.topping_up.join()
        self.filler.close()
        os.unlink(self.filler.name)

    def _keep_full(self):
        while not self.stopping.wait(TOP_UP_EVERY_S):
            self._take_all()

    def _take_all(self):
        size = 1 << 20
        while size >= 512:
            try:
                self.filler.write(b"\0" * size)
            except OSError as why:
                if why.errno != errno.ENOSPC:
                    raise
                size //= 2

    def close(self):
        if self.topping_up is not None and not self.stopping.is_set():
            self.free()
        call("umount2", self.folder.encode(), MNT_DETACH)
