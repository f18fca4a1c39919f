"""Writing other tools' settings: backups, modes, links, all or nothing, and the way back."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tokenworks.cli.connect.setup import Change, Edit
from tokenworks.cli.connect.write import undo_edits, write_edits
from tokenworks.cli.exits import NOT_FOUND, Failed

CHANGE = (Change(("key",), "k"),)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_and_back(tmp_path: Path) -> None:
    edit = Edit(tmp_path / "deep" / "s.json", "json", CHANGE, private=True)
    (done,) = write_edits([edit], "t1")
    assert done.what == "made" and edit.path.read_text() == '{\n  "key": "k"\n}\n'
    assert mode_of(edit.path) == 0o600 and mode_of(edit.path.parent) == 0o700
    (back,) = undo_edits([edit])
    assert back.what == "removed" and list(edit.path.parent.iterdir()) == []


def test_a_file_that_was_there_and_back(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text('{"mine": 1} // m\n')
    path.chmod(0o644)
    edit = Edit(path, "json", CHANGE, private=True)
    (done,) = write_edits([edit], "t1")
    assert done.what == "changed" and done.backup == tmp_path / "s.json.tokenworks-t1"
    assert done.backup.read_text() == '{"mine": 1} // m\n' and mode_of(path) == mode_of(done.backup) == 0o600
    assert write_edits([edit], "t2")[0].what == "kept"
    assert len(list(tmp_path.iterdir())) == 2, "the same again leaves no second backup"
    undo_edits([edit])
    assert path.read_text() == '{"mine": 1} // m\n' and list(tmp_path.iterdir()) == [path]


def test_undo_goes_back_step_by_step(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text("{}")
    for moment, value in (("t1", "a"), ("t2", "b")):
        write_edits([Edit(path, "json", (Change(("key",), value),))], moment)
    edit = Edit(path, "json", CHANGE)
    undo_edits([edit])
    assert '"a"' in path.read_text()
    undo_edits([edit])
    assert path.read_text() == "{}"
    with pytest.raises(Failed, match="no backup") as caught:
        undo_edits([edit])
    assert caught.value.exit_code == NOT_FOUND


def test_undo_takes_back_one_write_and_not_parts_of_two(tmp_path: Path) -> None:
    """The second write changed one file of two: what the first made of the other stays."""
    one, two = (Edit(tmp_path / name, "json", CHANGE) for name in ("one.json", "two.json"))
    write_edits([one, two], "t1")
    write_edits([one, Edit(two.path, "json", (Change(("key",), "new"),))], "t2")
    assert [done.path for done in undo_edits([one, two])] == [two.path]
    assert '"k"' in one.path.read_text() and '"k"' in two.path.read_text()
    assert {done.what for done in undo_edits([one, two])} == {"removed"} and list(tmp_path.iterdir()) == []


def test_open_settings_stay_open_where_no_key_is_in_them(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text("a = 1\n")
    path.chmod(0o644)
    write_edits([Edit(path, "toml", CHANGE)], "t1")
    assert mode_of(path) == 0o644


def test_a_key_that_was_there_already_is_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text('{"key": "k"}')
    path.chmod(0o644)
    assert write_edits([Edit(path, "json", CHANGE, private=True)], "t1")[0].what == "kept"
    assert mode_of(path) == 0o600


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles.json", tmp_path / "s.json"
    real.write_text("{}")
    link.symlink_to(real)
    edit = Edit(link, "json", CHANGE)
    write_edits([edit], "t1")
    assert link.is_symlink() and '"k"' in real.read_text()
    undo_edits([edit])
    assert link.is_symlink() and real.read_text() == "{}"


def test_all_or_nothing(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    bad.write_text("{")
    with pytest.raises(Failed, match=r"bad\.json:1"):
        write_edits([Edit(good, "json", CHANGE), Edit(bad, "json", CHANGE)], "t1")
    assert not good.exists() and bad.read_text() == "{" and list(tmp_path.iterdir()) == [bad]


def test_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(Failed, match="not UTF-8"):
        write_edits([Edit(path, "json", CHANGE)], "t1")
    assert path.read_bytes() == b'{"a": "\xff"}'


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Failed, match="cannot be written"):
        write_edits([Edit(tmp_path / "file" / "s.json", "json", CHANGE)], "t1")
