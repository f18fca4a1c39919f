"""The address rule as a table."""

from __future__ import annotations

import pytest

from tokenworks.fleet.address import refuse_address


@pytest.mark.parametrize(("text", "allow_private", "refused"), [
    ("8.8.8.8", False, ""), ("2606:4700::1111", False, ""), ("127.0.0.1", True, ""), ("10.0.0.1", True, ""),
    ("fe80::1%eth0", True, "link-local"), ("169.254.169.254", True, "metadata"), ("fd00:ec2::254", True, "metadata"),
    ("::ffff:169.254.1.1", True, "link-local"), ("255.255.255.255", False, "private"), ("10.0.0.1", False, "private"),
    ("::", True, "unspecified"), ("ff02::1", True, "multicast"), ("::ffff:127.0.0.1", False, "loopback"),
])
def test_addresses(text: str, allow_private: bool, refused: str) -> None:
    why = refuse_address(text, allow_private)
    assert (refused in why) if refused else why == ""


def test_no_address() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        refuse_address("example.org", True)
