# SPDX-License-Identifier: Apache-2.0
"""What goes wrong, and how it is undone. Each function does both; a note says why it could not."""

import base64
import json
import os
import signal
import time

import nats_client

NO_DISK = "is skipped: no file system of its own may be mounted here"


def kill_collector(run, fault):
    run.kill_collector()
    run.wait(fault.hold)
    for after in fault.detail.get("early", ()):
        run.kill_early(after)
    run.start_collector()


def stop_collector(run, fault):
    """With the server away, what waits for it must be on disk at the end, or be told of."""
    if fault.detail["server"] == "there":
        run.stop_collector()
        run.wait(fault.hold)
        run.start_collector()
        return
    run.proxy.refuse()
    try:
        run.wait(0.5)
        run.stop_collector()
        run.wait(fault.hold)
        run.start_collector()
    finally:
        run.proxy.listen()


def kill_server(run, fault):
    run.server.end(signal.SIGKILL)
    run.wait(fault.hold)
    run.server.start()


def pause_server(run, fault):
    run.server.send_signal(signal.SIGSTOP)
    try:
        run.wait(fault.hold)
    finally:
        run.server.send_signal(signal.SIGCONT)


# ---- The network ----

def cut_network(run, fault):
    """refuse: as when nothing listens there. reset: once. stall: packets wait and then go on.
    blackhole: they wait and are lost. acks: only the way back is cut."""
    proxy, how = run.proxy, fault.detail["how"]
    if how == "reset":
        proxy.reset()
        run.wait(fault.hold)
    elif how == "refuse":
        proxy.refuse()
        try:
            run.wait(fault.hold)
        finally:
            proxy.listen()
    else:
        proxy.set("mute" if how == "acks" else "stalled")
        try:
            run.wait(fault.hold)
        finally:
            if how != "stall":
                proxy.reset()
            proxy.set("open")


def hold(run, fault):
    """Lets a fault of the disk last, with the server away or there."""
    if fault.detail["server"] == "away":
        run.proxy.refuse()
    try:
        run.wait(fault.hold)
        run.check_not_ready()
    finally:
        if fault.detail["server"] == "away":
            run.proxy.listen()


# ---- The disk ----

def fill_disk(run, fault):
    if run.disk is None:
        return NO_DISK
    run.disk_faults += 1
    filler = run.disk / "filler"
    with open(filler, "wb", buffering=0) as f:
        size = 65536
        while size >= 4096:
            try:
                f.write(bytes(size))
            except OSError:
                size //= 2
        f.truncate(max(0, os.fstat(f.fileno()).st_size - fault.detail["left"]))
    try:
        hold(run, fault)
    finally:
        filler.unlink()
    return None


def seal_queue(run, fault):
    """No file can be made, renamed or removed. A file system with files open for writing cannot be
    made read-only by hand, so the directory's permissions stand in for it."""
    run.disk_faults += 1
    run.queue_dir.chmod(0o500)
    try:
        hold(run, fault)
    finally:
        run.queue_dir.chmod(0o700)


def segments(run):
    return sorted(run.queue_dir.glob("*.seg"))


def flip(run, flips):
    """Turns bits of segments over; returns how many."""
    done = 0
    for which, where, bit in flips:
        files = segments(run)
        if not files:
            continue
        file = files[int(which * len(files))]
        try:
            with open(file, "r+b", buffering=0) as f:
                size = os.fstat(f.fileno()).st_size
                if size == 0:
                    continue
                offset = min(where, size - 1) if isinstance(where, int) else int(where * size)
                byte = os.pread(f.fileno(), 1, offset)[0]
                os.pwrite(f.fileno(), bytes([byte ^ 1 << bit]), offset)
        except FileNotFoundError:
            continue  # acknowledged meanwhile
        run.say(f"bit {bit} of byte {offset} of {size} of {file.name} is flipped")
        done += 1
    return done


def corrupt_segment(run, fault):
    how = fault.detail["collector"]
    run.proxy.refuse()  # so that there are segments
    try:
        run.wait(fault.hold)
        if how == "kill":
            run.kill_collector()
        elif how == "stop":
            run.stop_collector()
        flipped = flip(run, fault.detail["flips"])
        run.corruptions += flipped > 0
        if how != "none":
            run.start_collector()
    finally:
        run.proxy.listen()
    return None if flipped else "found no segment on disk"


# ---- Credentials ----

def _part(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def reissue(text, seed_file, expires):
    """The text of a .creds file with its token issued again, to end at `expires` (Unix time)."""
    old = next(line for line in text.splitlines() if line.startswith("eyJ"))
    head, claims, _ = old.split(".")
    body = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    body["exp"] = int(expires)
    seed = seed_file.read_text().strip()
    secret = base64.b32decode(seed + "=" * (-len(seed) % 8))[2:34]
    signed = f"{head}.{_part(json.dumps(body).encode())}"
    return text.replace(old, f"{signed}.{_part(nats_client.sign(secret, signed.encode()))}")


def replace(path, text):
    """As a careful administrator does it."""
    new = path.with_suffix(".new")
    with open(new, "w", opener=lambda p, f: os.open(p, f, 0o600), encoding="ascii") as f:
        f.write(text)
    os.replace(new, path)


def expire_creds(run, fault):
    """expired: they ended an hour ago. expiring: they end while in use. truncated: half a file."""
    good, how = run.creds.read_text(), fault.detail["how"]
    seed = run.creds.parent.parent / "signing.seed"
    if how == "truncated":
        replace(run.creds, good[:len(good) // 2])
    else:
        replace(run.creds, reissue(good, seed, time.time() + (2 if how == "expiring" else -3600)))
    try:
        run.proxy.reset()
        run.wait(fault.hold + (2 if how == "expiring" else 0))
    finally:
        replace(run.creds, good)


FAULTS = {
    "kill-collector": kill_collector,
    "stop-collector": stop_collector,
    "kill-server": kill_server,
    "pause-server": pause_server,
    "cut-network": cut_network,
    "fill-disk": fill_disk,
    "seal-queue": seal_queue,
    "corrupt-segment": corrupt_segment,
    "expire-creds": expire_creds,
}
