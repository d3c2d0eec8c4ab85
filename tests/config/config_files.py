"""Builders for configurations: the least that works, plus what a test is about."""

from pathlib import Path

from mailwatch.config import Config, load_config

CONFIGS = Path(__file__).parent.parent / "configs"
EXAMPLE = Path(__file__).parent.parent.parent / "config.example.toml"
MINIMAL = (CONFIGS / "good" / "01-minimal.toml").read_text("utf-8")


def a_config(folder: Path, more: str = "", *, instead: dict[str, str] | None = None) -> Config:
    """The minimal configuration with text replaced and more text at its end."""
    text = MINIMAL
    for old, new in (instead or {}).items():
        assert old in text
        text = text.replace(old, new)
    path = folder / "mailwatch.toml"
    path.write_text(f"{text}\n{more}", encoding="utf-8")
    return load_config(path)
