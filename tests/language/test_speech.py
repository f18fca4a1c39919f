"""Speaking a language for the time of a block."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tokenworks.language.speech import speaking, spoken, tell, translate

TEXT = "This API key has expired. Create a new one."


def test_english_is_the_source() -> None:
    assert tell(TEXT) == translate(TEXT, "en") == translate(TEXT, "fr") == TEXT


def test_a_block_speaks_and_ends() -> None:
    with speaking("zh"):
        assert spoken() == "zh" and tell(TEXT) == translate(TEXT, "zh") == "此 API 密钥已过期。请创建新的密钥。"
        with speaking("fr"):
            assert tell(TEXT) == TEXT
        assert spoken() == "zh"
    assert spoken() == "en"


def test_others_are_not_spoken_to() -> None:
    with speaking("zh"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(spoken).result() == "en"
