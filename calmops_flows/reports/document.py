"""A document of headings, sentences and tables, as Markdown or as one page of HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from calmops_flows.logs import inert

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid #8886; padding: .3rem .8rem .3rem 0; text-align: left; }
figure { margin: .5rem 0; }
figcaption { font-size: .85rem; }
td { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; min-width: 4.5em; }
@media (max-width: 480px) { table { font-size: .85rem; } td { min-width: 6.4em; } }
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; cells are texts already."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing; its SVG is made here, so that no text of a user's is in it unescaped."""

    svg: str
    caption: str


Part = str | Table | Picture


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with sentences, tables and pictures below it."""

    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A titled sequence of sections."""

    title: str
    sections: tuple[Section, ...]

    def to_markdown(self) -> str:
        r"""Return Markdown; whatever a name holds stays text.

        Examples
        --------
        >>> table = Table(("a|b",), (("<i>",),))
        >>> print(Document("T", (Section("S", ("x", table)),)).to_markdown())
        # T
        <BLANKLINE>
        ## S
        <BLANKLINE>
        x
        <BLANKLINE>
        | a\|b |
        | --- |
        | &lt;i&gt; |
        <BLANKLINE>
        """
        lines = [f"# {_plain(self.title)}", ""]
        for section in self.sections:
            lines += [f"## {_plain(section.title)}", ""]
            for part in section.parts:
                lines += [*_markdown(part), ""]
        return "\n".join(lines)

    def to_html(self) -> str:
        """Return one page that needs nothing else."""
        body = [f"<h1>{_markup(self.title)}</h1>"]
        for section in self.sections:
            body.append(f"<h2>{_markup(section.title)}</h2>")
            body += [_html(part) for part in section.parts]
        head = f'<meta charset="utf-8"><title>{_markup(self.title)}</title><style>{_STYLE}</style>'
        width = '<meta name="viewport" content="width=device-width">'
        joined = "\n".join(body)
        return (
            f'<!doctype html><html lang="en"><head>{head}{width}</head><body>\n{joined}\n'
            "</body></html>\n"
        )


def _markdown(part: Part) -> list[str]:
    if isinstance(part, Picture):
        return [_plain(part.caption)]
    if isinstance(part, str):
        return [_plain(part)]
    rule = "| " + " | ".join("---" for _ in part.headers) + " |"
    rows = ["| " + " | ".join(map(_plain, row)) + " |" for row in (part.headers, *part.rows)]
    return [rows[0], rule, *rows[1:]]


def _plain(text: str) -> str:
    """Make a text inert in Markdown: no markup, no link, no cell or line of its own."""
    safe = escape(inert(" ".join(text.split())), quote=False)
    for sign in "\\`*_[]|~":
        safe = safe.replace(sign, f"\\{sign}")
    return safe


def _markup(text: str) -> str:
    """Make a text inert in HTML, and free of control characters."""
    return escape(inert(text))


def _html(part: Part) -> str:
    if isinstance(part, Picture):
        caption = f"<figcaption>{_markup(part.caption)}</figcaption>"
        return f"<figure>{part.svg}{caption}</figure>"
    if isinstance(part, str):
        return f"<p>{_markup(part)}</p>"
    head = "".join(f"<th>{_markup(cell)}</th>" for cell in part.headers)
    rows = "".join(
        f"<tr>{''.join(f'<td>{_markup(cell)}</td>' for cell in row)}</tr>" for row in part.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
