"""Archives that nobody should unpack: each is refused for its own reason, writes nothing outside, and leaves nothing behind."""

from __future__ import annotations

import gzip
import io
import random
import resource
import struct
import zlib

import pytest

from ropeway.bundles.limits import Limits
from ropeway.bundles.problems import AlteredBlob, HostileArchive, InvalidBundle
from ropeway.bundles.unpack import list_files, unpack
from ropeway.errors import StoreError
from support.archives import END, artifact, entry, file_layer, folder_layer, header, padded, pax

NOISE = random.Random(1).randbytes(40_000)
SMALL = Limits(entries=20, size=100_000, file=50_000, ratio=50, free=20_000)
WORKFLOW = file_layer("workflow.toml", b'id = "a"\n[steps.a]\nrun = "true"\n')
FOLDER = entry("data", kind=b"5")


def blobs(data):
    return lambda descriptor: io.BytesIO(data[descriptor.digest])


def sparse_gnu() -> bytes:
    return header("data/x", 0, kind=b"S", magic=b"ustar  \0") + END


HOSTILE: dict[str, tuple[bytes, str]] = {
    # names
    "a parent folder": (entry("../x", b"y") + END, "climbs out of its folder"),
    "a parent folder in the middle": (entry("data/../../x", b"y") + END, "climbs out of its folder"),
    "a parent folder at the end": (entry("data/..", b"y") + END, "climbs out of its folder"),
    "an absolute path": (entry("/tmp/x", b"y") + END, "is an absolute path"),
    "two slashes first": (entry("//tmp/x", b"y") + END, "is an absolute path"),
    "an absolute path in pax": (pax(("path", "/tmp/x")) + entry("data/x", b"y") + END, "is an absolute path"),
    "a drive letter": (entry("C:/x", b"y") + END, "starts with a drive letter"),
    "a drive letter without slash": (entry("c:x", b"y") + END, "starts with a drive letter"),
    "backslashes": (entry("data\\..\\x", b"y") + END, "holds a backslash"),
    "a share": (entry("\\\\host\\x", b"y") + END, "holds a backslash"),
    "another folder": (entry("elsewhere/x", b"y") + END, "is outside of the folder 'data'"),
    "a folder of a longer name": (entry("database/x", b"y") + END, "is outside of the folder 'data'"),
    "the top": (entry(".", kind=b"5") + END, "is outside of the folder 'data'"),
    "no name": (entry("", b"y") + END, "has no name"),
    "an empty part": (entry("data//x", b"y") + END, "has an empty part"),
    "a part that is a dot": (entry("data/./x", b"y") + END, "has an empty part"),
    "a file that ends with a slash": (entry("data/x/", b"y") + END, "has an empty part"),
    "a NUL in pax": (pax(("path", b"data/x\0.txt")) + entry("data/x", b"y") + END, "control character"),
    "bytes behind a name's end": (entry(b"data/x\0evil", b"y") + END, "something behind its end"),
    "a newline": (entry("data/x\ny", b"y") + END, "control character"),
    "an escape": (entry("data/\x1b[2Jx", b"y") + END, "control character"),
    "text that turns around": (entry("data/\u202etxt.exe", b"y") + END, "changes how text is shown"),
    "a name that is not UTF-8": (entry(b"data/\xff", b"y") + END, "is not UTF-8"),
    "pax that is not UTF-8": (pax(("path", b"data/\xff")) + entry("data/x", b"y") + END, "not UTF-8"),
    "a long part": (pax(("path", f"data/{'x' * 256}")) + entry("data/x", b"y") + END, "longer than 255 bytes"),
    "a long path": (pax(("path", "data" + "/12345678" * 120)) + entry("data/x", b"y") + END, "longer than 1,024 bytes"),
    "a deep path": (pax(("path", "data" + "/x" * 64)) + entry("data/x", b"y") + END, "deeper than 64 folders"),
    "a git folder": (entry("data/.git/config", b"y") + END, "version control system"),
    "a git folder in capitals": (entry("data/.GIT/config", b"y") + END, "version control system"),
    "a git folder with an invisible letter": (entry("data/.g\u200cit/config", b"y") + END, "version control system"),
    # names together
    "the same name twice": (entry("data/x", b"y") * 2 + END, "is there twice"),
    "the same name once through pax": (entry("data/x", b"y") + pax(("path", "data/x")) + entry("data/z", b"y") + END, "is there twice"),
    "names that differ in case": (entry("data/x", b"y") + entry("data/X", b"y") + END, "are the same name"),
    "folders that differ in case": (entry("data/a/x", b"y") + entry("data/A/y", b"y") + END, "are the same name"),
    "names that differ in how accents are written": (entry("data/é", b"y") + entry("data/e\u0301", b"y") + END, "are the same name"),
    "names that differ in a sharp s": (entry("data/straße", b"y") + entry("data/STRASSE", b"y") + END, "are the same name"),
    "a folder that differs in case from the title": (FOLDER + entry("DATA/x", b"y") + END, "is outside of the folder"),
    "a file, then a folder": (entry("data/x", b"y") + entry("data/x/y", b"y") + END, "which is a file"),
    "a file, then an empty folder": (entry("data/x", b"y") + entry("data/x", kind=b"5") + END, "a file and a folder at once"),
    "a folder, then a file": (entry("data/x/y", b"y") + entry("data/x", b"y") + END, "a file and a folder at once"),
    "the whole folder as a file": (entry("data", b"y") + END, "a file and a folder at once"),
    # kinds
    "a symbolic link": (entry("data/x", kind=b"2", link=b"/etc/passwd") + END, "is a symbolic link"),
    "a symbolic link inside": (entry("data/x", kind=b"2", link=b"y") + END, "is a symbolic link"),
    "writing through a link": (entry("data/x", kind=b"2", link=b"/tmp") + entry("data/x/y", b"z") + END, "is a symbolic link"),
    "a hard link": (entry("data/x", kind=b"1", link=b"/etc/passwd") + END, "is a hard link"),
    "a hard link with content": (entry("data/x", b"y", kind=b"1", link=b"data/z") + END, "is a hard link"),
    "a character device": (entry("data/x", kind=b"3") + END, "is a device"),
    "a block device": (entry("data/x", kind=b"4") + END, "is a device"),
    "a named pipe": (entry("data/x", kind=b"6") + END, "is a named pipe"),
    "a socket": (entry("data/x", kind=b"s") + END, "is a socket"),
    "a contiguous file": (entry("data/x", b"y", kind=b"7") + END, "contiguous"),
    "an unknown kind": (entry("data/x", b"y", kind=b"Z") + END, "kind that is not known"),
    "a setuid program": (entry("data/x", b"y", mode=0o4755) + END, "owner's rights"),
    "a setgid program": (entry("data/x", b"y", mode=0o2755) + END, "owner's rights"),
    "a sticky file": (entry("data/x", b"y", mode=0o1644) + END, "owner's rights"),
    "a folder with content": (entry("data/x", b"y", kind=b"5") + END, "is a folder with content"),
    # what two readers understand differently
    "a sparse file of GNU": (sparse_gnu(), "GNU's own form"),
    "a sparse file by its kind": (entry("data/x", kind=b"S") + END, "is a sparse file"),
    "a sparse file in pax": (pax(("GNU.sparse.realsize", "9999999")) + entry("data/x", b"y") + END, "sparse file"),
    "a long name of GNU": (entry("././@LongLink", b"data/x\0", kind=b"L") + entry("data/y", b"y") + END, "long name in GNU's form"),
    "a long link of GNU": (entry("././@LongLink", b"data/x\0", kind=b"K") + entry("data/y", b"y") + END, "long link in GNU's form"),
    "another volume": (entry("data/x", b"y", kind=b"M") + END, "another volume"),
    "GNU's own header": (entry("data/x", b"y", magic=b"ustar  \0") + END, "GNU's own form"),
    "an old header": (entry("data/x", b"y", magic=bytes(8)) + END, "old form of tar"),
    "a wrong checksum": (entry("data/x", b"y", checksum=12345) + END, "checksum of a header is wrong"),
    "a size in base 256": (header("data/x", b"\x80" + bytes(10) + b"\x01") + padded(b"y") + END, "not an octal number"),
    "a negative size": (header("data/x", b"-0000000001\0") + END, "not an octal number"),
    "a size in letters": (header("data/x", b"0000000000x\0") + END, "not an octal number"),
    "a pax header that resizes": (pax(("size", "1")) + entry("data/x", b"yyy") + END, "another size in its pax header"),
    "a pax header that resizes to nothing": (pax(("size", "")) + entry("data/x", b"yyy") + END, "another size in its pax header"),
    "a key twice in pax": (pax(("path", "data/a"), ("path", "data/b")) + entry("data/x", b"y") + END, "says 'path' twice"),
    "a link in pax": (pax(("linkpath", "/etc/passwd")) + entry("data/x", b"y") + END, "'linkpath', which means nothing"),
    "another character set": (pax(("hdrcharset", "BINARY")) + entry("data/x", b"y") + END, "'hdrcharset', which means nothing"),
    "two pax headers": (pax(("path", "data/a")) * 2 + entry("data/x", b"y") + END, "two pax headers follow"),
    "a pax header and nothing behind": (pax(("path", "data/a")) + END, "no entry behind it"),
    "a global pax header that renames": (pax(("path", "data/a"), kind=b"g") + entry("data/x", b"y") + END, "renames or resizes all"),
    "a global pax header that resizes": (pax(("size", "0"), kind=b"g") + entry("data/x", b"y") + END, "renames or resizes all"),
    "a pax record longer than it is": (entry("p", b"99 path=data/a\n", kind=b"x") + entry("data/x", b"y") + END, "pax header is damaged"),
    "a pax record without a newline": (entry("p", b"15 path=data/ab", kind=b"x") + entry("data/x", b"y") + END, "pax header is damaged"),
    "a pax record without a length": (entry("p", b"path=data/a\n", kind=b"x") + entry("data/x", b"y") + END, "pax header is damaged"),
    "a pax record without an equals sign": (entry("p", b"12 pathdata\n", kind=b"x") + entry("data/x", b"y") + END, "pax header is damaged"),
    "a huge pax header": (header("p", 70_000, kind=b"x") + END, "65,536 is the most"),
    # ends
    "nothing at all": (b"", "cut off"),
    "no end mark": (entry("data/x", b"y"), "its end mark is missing"),
    "half an end mark": (entry("data/x", b"y") + bytes(512), "cut off"),
    "half a header": (entry("data/x", b"y") + header("data/z")[:100], "cut off"),
    "half a file": (header("data/x", 1000) + b"y" * 100, "in the middle of a file"),
    "something behind the end mark": (entry("data/x", b"y") + END + entry("data/z", b"y") + END, "stands behind its end mark"),
    "something far behind the end mark": (entry("data/x", b"y") + END + bytes(3000) + b"x", "stands behind its end mark"),
    "an entry inside the end mark": (entry("data/x", b"y") + bytes(512) + entry("data/z", b"y") + END, "stands behind its end mark"),
    "something between files": (header("data/x", 1) + b"y" + b"hidden".ljust(511, b"!") + END, "hidden between two of its files"),
    # too much
    "too many entries": (b"".join(entry(f"data/{n}") for n in range(30)) + END, "more than 20 files"),
    "too many folders": (b"".join(entry(f"data/{n}", kind=b"5") for n in range(30)) + END, "more than 20 files"),
    "too many global headers": (b"".join(pax(("comment", str(n)), kind=b"g") for n in range(30)) + END, "more than 20 files"),
    "a file that says it is too large": (header("data/x", 60_000) + END, "is the most for one file"),
    "a file that says it is huge": (header("data/x", 8**11 - 1) + END, "is the most for one file"),
    "too much together": (
        b"".join(entry(f"data/{n}", NOISE) for n in range(3)) + END,
        "more than 100,000 bytes together",
    ),
    "zeros without an end": (entry("data/x", NOISE) + END + bytes(200_000), "more than 100,000 bytes together"),
    "a bomb": (entry("data/x", bytes(49_000)) + END, "50 times its size"),
}


@pytest.mark.parametrize(("tar", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_archive_is_refused_for_its_own_reason_and_nothing_is_left(tar, reason, tmp_path) -> None:
    manifest, data = artifact(folder_layer(tar), WORKFLOW)
    with pytest.raises(HostileArchive) as found:
        unpack(manifest, blobs(data), tmp_path / "inside" / "target", SMALL)
    assert reason in str(found.value)
    assert found.value.code == "archive-refused"
    assert [path.name for path in tmp_path.rglob("*")] == ["inside"]
    with pytest.raises(HostileArchive):
        list_files(manifest, blobs(data), SMALL)


GOOD = FOLDER + entry("data/x", b"yes") + END

STREAMS: dict[str, tuple[bytes, str]] = {
    "two streams": (gzip.compress(GOOD, mtime=0) + gzip.compress(b"more", mtime=0), "several compressed streams"),
    "garbage behind": (gzip.compress(GOOD, mtime=0) + b"garbage", "behind the end of its compressed stream"),
    "zeros behind": (gzip.compress(GOOD, mtime=0) + bytes(8), "behind the end of its compressed stream"),
    "a cut stream": (gzip.compress(GOOD, mtime=0)[:-20], "cut off"),
    "a missing length": (gzip.compress(GOOD, mtime=0)[:-4], "cut off"),
    "a wrong checksum": (gzip.compress(GOOD, mtime=0)[:-8] + bytes(4) + struct.pack("<I", len(GOOD)), "damaged"),
    "a wrong length": (gzip.compress(GOOD, mtime=0)[:-4] + struct.pack("<I", 5), "damaged"),
    "a broken block": (gzip.compress(GOOD, mtime=0)[:10] + b"\xff" * 50, "damaged"),
    "only the first bytes": (b"\x1f\x8b", "cut off"),
    "a raw stream of zlib": (zlib.compress(GOOD), "cut off"),
    "text": (b"not an archive at all, but quite some text".ljust(600), "header"),
}


@pytest.mark.parametrize(("packed", "reason"), STREAMS.values(), ids=STREAMS)
def test_a_hostile_stream_is_refused_for_its_own_reason(packed, reason, tmp_path) -> None:
    manifest, data = artifact(folder_layer(GOOD, packed=packed), WORKFLOW)
    with pytest.raises(HostileArchive, match=reason):
        unpack(manifest, blobs(data), tmp_path / "target")
    assert list(tmp_path.iterdir()) == []


def test_zstd_is_named(tmp_path) -> None:
    manifest, data = artifact(folder_layer(GOOD, packed=b"\x28\xb5\x2f\xfd" + bytes(100)), WORKFLOW)
    with pytest.raises(InvalidBundle, match="compressed with zstd, which is not read"):
        unpack(manifest, blobs(data), tmp_path / "target")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        ([file_layer("../x", b"y")], "climbs out"),
        ([file_layer("/etc/x", b"y")], "absolute"),
        ([file_layer("a\\b", b"y")], "backslash"),
        ([file_layer("C:\\x", b"y")], "backslash"),
        ([file_layer(".git/hooks/post-checkout", b"y")], "version control"),
        ([file_layer("x\0y", b"y")], "control character"),
        ([file_layer("x", b"y"), file_layer("x", b"z")], "is there twice"),
        ([file_layer("x", b"y"), file_layer("X", b"z")], "are the same name"),
        ([file_layer("x", b"y"), file_layer("x/y", b"z")], "which is a file"),
        ([file_layer("x/y", b"y"), file_layer("x", b"z")], "a file and a folder at once"),
        ([folder_layer(GOOD), file_layer("data/x", b"z")], "another layer is titled as a file in it"),
        ([folder_layer(GOOD), file_layer("data", b"z")], "a file and a folder at once"),
        ([folder_layer(GOOD), folder_layer(GOOD)], "is there twice"),
        ([folder_layer(GOOD, title="..")], "climbs out"),
        ([folder_layer(GOOD, title="/data")], "absolute"),
        ([folder_layer(entry("x", b"y") + END, title=".")], "empty part"),
        ([file_layer("big", bytes(60_000))], "is the most for one file"),
        ([file_layer(f"{n}", b"") for n in range(30)], "more than 20 files"),
        ([file_layer("a", bytes(45_000)), file_layer("b", bytes(45_000)), file_layer("c", bytes(45_000))], "bytes together"),
    ],
)
def test_a_hostile_title_is_refused(layers, reason, tmp_path) -> None:
    manifest, data = artifact(*layers, WORKFLOW)
    with pytest.raises(HostileArchive, match=reason):
        unpack(manifest, blobs(data), tmp_path / "target", SMALL)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data + b"x", "has more than"),
        (lambda data: data[:-1], "bytes, and the manifest says"),
        (lambda data: b"#" + data[1:], "its digest is not"),
        (lambda _: b"", "has 0 bytes"),
    ],
)
@pytest.mark.parametrize("layer", [0, 1])
def test_an_altered_layer_is_refused_before_any_of_it_is_written(change, reason, layer, tmp_path) -> None:
    manifest, data = artifact(folder_layer(GOOD), WORKFLOW)
    digest = manifest.layers[layer].digest
    data[digest] = change(data[digest])
    with pytest.raises(AlteredBlob, match=reason) as found:
        unpack(manifest, blobs(data), tmp_path / "target")
    assert found.value.code == "blob-altered"
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_is_not_what_its_annotation_says_is_refused(tmp_path) -> None:
    descriptor, packed = folder_layer(GOOD, **{"io.deis.oras.content.digest": f"sha256:{'0' * 64}"})
    manifest, data = artifact((descriptor, packed), WORKFLOW)
    with pytest.raises(AlteredBlob, match="does not unpack to what its annotation"):
        unpack(manifest, blobs(data), tmp_path / "target")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_layer_is_named(tmp_path) -> None:
    manifest, _ = artifact(WORKFLOW)
    with pytest.raises(AlteredBlob, match=r"the layer 'workflow\.toml' is missing"):
        unpack(manifest, {}, tmp_path / "target")


def test_a_full_disk_leaves_nothing_behind(tmp_path) -> None:
    manifest, data = artifact(file_layer("a", bytes(3_000_000)), WORKFLOW)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(StoreError, match="can not be written: File too large") as found:
            unpack(manifest, blobs(data), tmp_path / "target")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert found.value.hint == "free some space, or name another folder"
    assert list(tmp_path.iterdir()) == []


def test_a_bomb_is_stopped_before_it_is_unpacked(tmp_path) -> None:
    engine = zlib.compressobj(9, wbits=31)
    packed = engine.compress(header("data/x", 2**31 - 1)) + b"".join(engine.compress(bytes(1 << 20)) for _ in range(64)) + engine.flush()
    manifest, data = artifact(folder_layer(b"", packed=packed), WORKFLOW)
    with pytest.raises(HostileArchive, match="200 times its size"):
        unpack(manifest, blobs(data), tmp_path / "target")
    assert list(tmp_path.iterdir()) == []


def test_a_global_comment_and_harmless_pax_keys_are_read(tmp_path) -> None:
    tar = (
        pax(("comment", "a commit"), kind=b"g") + FOLDER + pax(("mtime", "1.5"), ("SCHILY.xattr.user.x", b"\xff")) + entry("data/x", b"yes")
    )
    manifest, data = artifact(folder_layer(tar + END + bytes(8192)), WORKFLOW)
    assert unpack(manifest, blobs(data), tmp_path / "target") == "workflow.toml"
    assert (tmp_path / "target/data/x").read_text() == "yes"
