"""Help pages in the language of the shell: what the commands say in English is told as it is laid out."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from cyclopts.help import DefaultFormatter, HelpEntry, HelpPanel
from cyclopts.help.inline_text import InlineText
from rich.console import Console, ConsoleOptions
from rich.text import Text

from tokenworks.language.speech import tell


class TellingFormatter(DefaultFormatter):
    """The usual layout, each sentence told."""

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        """One panel."""
        entries = [_tell_entry(entry) for entry in panel.entries]
        super().__call__(console, options, panel.copy(title=tell(str(panel.title)), entries=entries))

    def render_usage(self, console: Console, options: ConsoleOptions, usage: Any) -> None:
        """The line with the words of the command."""
        if usage:
            console.print(Text(tell("Usage:") + " ", style="bold") + Text(str(usage)))

    def render_description(self, console: Console, options: ConsoleOptions, description: Any) -> None:
        """What the command does."""
        super().render_description(console, options, tell_text(description))


def tell_text(shown: Any) -> Any:
    """A text of the library with its sentences told; whatever else is shown stays as it is."""
    if isinstance(shown, InlineText) and isinstance(shown.primary_renderable, Text):
        return InlineText(_told(shown.primary_renderable), force_empty_end=shown.force_empty_end)
    return _told(shown) if isinstance(shown, Text) else tell(shown) if isinstance(shown, str) else shown


def _tell_entry(entry: HelpEntry) -> HelpEntry:
    """One option: what the library would add in brackets is added here."""
    told = tell_text(entry.description)
    if not isinstance(told, InlineText):
        told = InlineText(told if isinstance(told, Text) else Text(str(told or "")))
    if entry.choices:
        told.append(Text(f"[{tell('choices')}: {', '.join(entry.choices)}]"))
    if entry.default is not None:
        told.append(Text(f"[{tell('default')}: {entry.default}]"))
    if entry.required:
        told.append(Text(f"[{tell('required')}]"))
    return evolve(entry, description=told, choices=None, default=None, required=False)


def _told(text: Text) -> Text:
    """Paragraph by paragraph; lines are joined, because the catalogue knows whole sentences."""
    parts = [" ".join(part.split()) for part in text.plain.split("\n\n")]
    return Text("\n\n".join(map(tell, parts)), style=text.style, end=text.end)

