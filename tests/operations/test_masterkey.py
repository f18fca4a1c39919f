"""The master key's file: who may read it, what stands in it, and who makes it."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

import pytest

from tokenworks.clock import SystemDice
from tokenworks.operations.masterkey import FILE_NAME, KeyFile, MasterKeyFault, make_key, name_key

DICE = SystemDice()


def test_it_is_made_once_and_for_nobody_else(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path)
    assert keys.load() == []
    made = keys.make(DICE)
    assert KeyFile(tmp_path).load() == [made] and len(made.key) == 32
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert keys.make(DICE) == made, "another process was first"
    assert os.listdir(tmp_path) == [FILE_NAME], "nothing is left beside it"


def test_it_is_held(tmp_path: Path) -> None:
    """By several who seal, or by one who changes it; a file of somebody else is nobody's."""
    keys, order = KeyFile(tmp_path), []

    def change() -> None:
        with keys.held(alone=True):
            order.append("changed")

    with keys.held(), KeyFile(tmp_path).held():
        other = Thread(target=change)
        other.start()
        other.join(0.2)
        order.append("sealed")
    other.join()
    assert order == ["sealed", "changed"] and os.listdir(tmp_path) == []
    with KeyFile(tmp_path, "/nowhere/key").held(alone=True), KeyFile(tmp_path, "/nowhere/key").held(alone=True):
        pass
    with pytest.raises(MasterKeyFault, match="No such file"), KeyFile(tmp_path / "none").held():
        pass


def test_several_keys(tmp_path: Path) -> None:
    keys, new, old = KeyFile(tmp_path), make_key(DICE), make_key(DICE)
    keys.keep([new, old])
    assert keys.load() == [new, old] and new.id != old.id
    assert name_key(new.key) == new and new.key.hex() not in new.id


@pytest.mark.parametrize("line", ["", "zz" * 32, "ab" * 31, "ab" * 33, "ab cd"])
def test_what_is_no_key(tmp_path: Path, line: str) -> None:
    path = tmp_path / FILE_NAME
    path.write_text(f"# remark\n{line or 'é' * 64}\n")
    path.chmod(0o600)
    with pytest.raises(MasterKeyFault, match=f"{FILE_NAME}:2 is not a key of 64") as caught:
        KeyFile(tmp_path).load()
    told = str(caught.value).replace(str(path), "")
    for piece in ("zz", "abab", "ab cd", "éé"):
        assert piece not in told, "what may be a key is never repeated"


def test_who_can_read_it(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path)
    keys.make(DICE)
    for mode in (0o640, 0o604, 0o666):
        keys.path.chmod(mode)
        with pytest.raises(MasterKeyFault, match="chmod 600"):
            keys.load()
    outside = KeyFile(Path("/nowhere"), str(keys.path))
    keys.path.chmod(0o440)
    assert len(outside.load()) == 1, "a file of somebody else's may be shared with a group, as Kubernetes does"
    keys.path.chmod(0o444)
    with pytest.raises(MasterKeyFault, match="chmod 600"):
        outside.load()


def test_a_file_of_somebody_else(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path, str(tmp_path / "elsewhere"))
    assert keys.load() == []
    with pytest.raises(MasterKeyFault, match="openssl rand -hex 32"):
        keys.make(DICE)
    with pytest.raises(MasterKeyFault, match="kept by somebody else"):
        keys.keep([make_key(DICE)])
    assert not (tmp_path / "elsewhere").exists()


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(MasterKeyFault, match="no small regular file"):
        KeyFile(tmp_path, str(tmp_path / "folder")).load()
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "bytes").chmod(0o600)
    with pytest.raises(MasterKeyFault, match="not text"):
        KeyFile(tmp_path, str(tmp_path / "bytes")).load()
