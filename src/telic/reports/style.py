"""How a page looks: its colours, as variables that figures share, and its typography.

Both themes come from one table each, and a test reads the contrasts from what is served: text at least
4.5:1 on paper and panel, accents (lines and marks) at least 3:1, and any two accents apart for readers with
any of the three colour-vision deficiencies. The theme follows the reader's system; a toggle overrules it
without script.
"""

from __future__ import annotations

__all__ = ["DARK", "LIGHT", "page_css"]

LIGHT = {
    "--paper": "#fcfbf8",
    "--panel": "#f4f2ec",
    "--rule": "#d9d5cb",
    "--ink": "#1b1d21",
    "--ink-soft": "#565b64",
    "--accent-1": "#24559b",
    "--accent-2": "#98240f",
    "--accent-3": "#1d8c68",
    "--accent-4": "#6b1f4e",
    "--accent-5": "#946c08",
    "--accent-6": "#78828f",
    "--info": "#24559b",
    "--notice": "#245a3c",
    "--warning": "#8a5a00",
    "--error": "#a3260f",
}
"""On warm paper, as a printed page."""

DARK = {
    "--paper": "#14161a",
    "--panel": "#1c1f25",
    "--rule": "#363b44",
    "--ink": "#e9e6df",
    "--ink-soft": "#a6a9b0",
    "--accent-1": "#4fa6f2",
    "--accent-2": "#ec6248",
    "--accent-3": "#86e8c9",
    "--accent-4": "#b678a5",
    "--accent-5": "#f2c766",
    "--accent-6": "#cdd6e2",
    "--info": "#7db8f5",
    "--notice": "#7fd0a8",
    "--warning": "#f2b84b",
    "--error": "#ff8a70",
}
"""The same roles on dark paper."""

SERIF = (
    '"Iowan Old Style", "Palatino Linotype", Palatino, "URW Palladio L", "P052", Georgia, "Noto Serif", serif'
)
SANS = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif'
MONO = 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Noto Sans Mono", monospace'
"""Fonts that systems bring along; nothing is fetched."""

LAYOUT = """
.telic { --serif: SERIF; --sans: SANS; --mono: MONO;
  background: var(--paper); color: var(--ink); font: 1.0625rem/1.6 var(--serif);
  font-kerning: normal; font-variant-numeric: oldstyle-nums; text-rendering: optimizeLegibility;
  -webkit-text-size-adjust: 100%; }
.telic body { margin: 0; }
.telic *, .telic *::before { box-sizing: border-box; }
.telic .page { display: grid; grid-template-columns: 13rem minmax(0, 46rem); column-gap: 4rem;
  justify-content: center; padding: 0 2rem 6rem; }
.telic .masthead { grid-column: 2; padding: 4.5rem 0 2.25rem; }
.telic .kicker { font: 600 .8125rem/1.4 var(--sans); letter-spacing: .02em; color: var(--ink-soft);
  margin: 0 0 1rem; }
.telic h1 { font: 400 clamp(1.65rem, 3.6vw, 2.35rem)/1.22 var(--serif); letter-spacing: -.012em; margin: 0;
  text-wrap: balance; font-variant-numeric: lining-nums; overflow-wrap: anywhere; }
.telic .standfirst { font: 1.1875rem/1.5 var(--serif); color: var(--ink-soft); margin: 1.1rem 0 0;
  font-variant-numeric: lining-nums; }
.telic nav { grid-column: 1; grid-row: 2; font: .875rem/1.45 var(--sans); }
.telic nav ol { list-style: none; margin: 0; padding: .15rem 0 0; position: sticky; top: 2rem;
  max-height: calc(100vh - 4rem); overflow-y: auto; }
.telic nav li { margin: 0 0 .55rem; }
.telic nav a { color: var(--ink-soft); text-decoration: none; overflow-wrap: anywhere; }
.telic nav a:hover, .telic nav a:focus-visible { color: var(--accent-1); text-decoration: underline; }
.telic main { grid-column: 2; min-width: 0; }
.telic section { margin: 0 0 3.5rem; scroll-margin-top: 1.5rem; }
.telic h2 { font: 600 1.3rem/1.3 var(--serif); margin: 0 0 1rem; padding-top: 1rem;
  border-top: 1px solid var(--rule);
  overflow-wrap: anywhere; }
.telic section:first-of-type h2 { border-top: 0; padding-top: 0; }
.telic h3 { font: 600 .9375rem/1.45 var(--sans); color: var(--ink); text-align: left;
  margin: 0 0 .6rem;
  overflow-wrap: anywhere; }
.telic p { margin: 0 0 1rem; max-width: 40rem; overflow-wrap: anywhere; text-wrap: pretty;
  hyphens: manual; }
.telic code { font: .86em var(--mono); background: var(--panel); padding: .08em .3em; border-radius: 3px; }
.telic a { color: var(--accent-1); }
.telic td code { background: none; padding: 0; font-size: .8em; overflow-wrap: anywhere; }
.telic caption { text-align: left; padding: 0; }
.telic .phone { display: none; }
.telic .scroll { overflow-x: auto; margin: 0 0 1.75rem; }
.telic .scroll:focus-visible, .telic summary:focus-visible { outline: 2px solid var(--accent-1);
  outline-offset: 3px; }
.telic table { border-collapse: collapse; font: .9375rem/1.45 var(--sans);
  font-variant-numeric: lining-nums tabular-nums;
  border-bottom: 1.5px solid var(--ink); min-width: min(100%, 24rem); }
.telic thead th { border-top: 1.5px solid var(--ink); border-bottom: 1px solid var(--ink-soft);
  font-weight: 600;
  vertical-align: bottom; color: var(--ink-soft); font-size: .8125rem; padding: .45rem 1.6rem .45rem 0;
  text-align: left; }
.telic td, .telic tbody th { padding: .38rem 1.6rem .38rem 0; vertical-align: baseline;
  text-align: left; font-weight: 400; }
.telic .wide td, .telic .wide th { padding-right: 1rem; }
.telic .dense { font-size: .8125rem; }
.telic .dense thead th { font-size: .75rem; }
.telic .dense td, .telic .dense th { padding-right: .7rem; }
.telic tr > :last-child, .telic .wide tr > :last-child { padding-right: .2rem; }
.telic tbody tr + tr > * { border-top: 1px solid var(--rule); }
.telic .number { text-align: right; white-space: nowrap; }
.telic thead .number { white-space: normal; }
.telic .whole { white-space: nowrap; }
.telic .pad { visibility: hidden; user-select: none; }
.telic .note { font: .8125rem/1.5 var(--sans); color: var(--ink-soft); margin: -1.1rem 0 1.75rem; }
.telic figure { margin: 0 0 2.25rem; }
.telic figure svg { display: block; max-width: 100%; height: auto; stroke-linejoin: round;
  stroke-linecap: butt; }
.telic figure svg text { font-family: var(--sans) !important;
  font-variant-numeric: lining-nums tabular-nums; }
.telic figcaption { font: .875rem/1.5 var(--sans); color: var(--ink-soft); margin: .6rem 0 0;
  max-width: 40rem; }
.telic details { font: .8125rem/1.5 var(--sans); color: var(--ink-soft); margin: .5rem 0 0; }
.telic summary { cursor: pointer; width: fit-content; }
.telic details table { font-size: .8125rem; margin-top: .6rem; }
.telic details .scroll { max-height: 22rem; overflow: auto; margin-bottom: .6rem; }
.telic pre { font: .8125rem/1.5 var(--mono); overflow: auto; max-height: 22rem;
  background: var(--panel); padding: .8rem 1rem;
  border-radius: 4px; }
.telic .finding { background: var(--panel); border-left: 3px solid var(--tone); border-radius: 0 5px 5px 0;
  padding: .85rem 1.15rem .9rem; margin: 0 0 .8rem; font: .9375rem/1.5 var(--sans); }
.telic .finding + :not(.finding) { margin-top: 1.75rem; }
.telic .finding p { margin: 0; max-width: none; }
.telic .finding .severity { color: var(--tone); font-weight: 600; font-size: .8125rem;
  margin: 0 0 .25rem; display: flex;
  gap: .5em; align-items: baseline; }
.telic .finding .code { color: var(--ink-soft); font: .8125rem var(--mono); margin-left: auto; }
.telic .finding .hint { color: var(--ink-soft); margin-top: .4rem; }
.telic .info { --tone: var(--info); } .telic .notice { --tone: var(--notice); }
.telic .warning { --tone: var(--warning); } .telic .error { --tone: var(--error); }
.telic .theme { position: absolute; top: 1.25rem; right: 1.5rem; border: 0; margin: 0; padding: 0;
  display: flex;
  font: .8125rem/1 var(--sans); color: var(--ink-soft); }
.telic .theme input { position: absolute; opacity: 0; }
.telic .theme label { padding: .4rem .65rem; border-radius: 4px; cursor: pointer; }
.telic .theme label:hover { color: var(--ink); }
.telic .theme input:checked + label { background: var(--panel); color: var(--ink); }
.telic .theme input:focus-visible + label { outline: 2px solid var(--accent-1); }
.telic .theme legend, .telic .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); }
.telic footer { grid-column: 2; font: .8125rem/1.5 var(--sans); color: var(--ink-soft);
  border-top: 1px solid var(--rule);
  padding-top: .9rem; }
.telic.fragment { padding: 1.25rem; border-radius: 5px; }
.telic.fragment .page { display: block; padding: 0; max-width: 46rem; }
.telic.fragment .masthead { padding: 0 0 1.5rem; }
@media (max-width: 64rem) {
  .telic .page { display: block; max-width: 48rem; margin: 0 auto; padding: 0 1.25rem 4rem; }
  .telic nav { border-top: 1px solid var(--rule); border-bottom: 1px solid var(--rule);
    margin: 0 0 2.5rem; padding: .8rem 0; }
  .telic nav ol { position: static; max-height: none; display: flex; flex-wrap: wrap;
    gap: .2rem 1.25rem; padding: 0; }
  .telic nav li { margin: 0; }
  .telic tbody th:not(.number) { min-width: 8rem; }
  .telic .wide td, .telic .wide th { padding-right: .7rem; }
}
@media screen and (max-width: 36rem) {
  .telic .page { padding: 0 1.1rem 3rem; }
  .telic .masthead { padding: 3.75rem 0 1.75rem; }
  .telic nav { font-size: .9375rem; line-height: 1.9; }
  .telic .column { display: none; }
  .telic .phone { display: block; }
  .telic table { font-size: .8125rem; }
  .telic .wide { font-size: .9375rem; }
  .telic td, .telic thead th, .telic tbody th { padding-right: .8rem; }
  .telic .wide, .telic .wide caption, .telic .wide tbody, .telic .wide tr, .telic .wide td,
  .telic .wide tbody th { display: block; }
  .telic .wide { border-top: 1.5px solid var(--ink); min-width: 0; }
  .telic .wide caption { border-bottom: 1.5px solid var(--ink); margin-bottom: 0; }
  .telic .wide:has(caption) { border-top: 0; }
  .telic .wide thead { position: absolute; width: 1px; height: 1px; overflow: hidden;
    clip-path: inset(50%); }
  .telic .wide tbody tr { padding: .55rem 0; }
  .telic .wide tbody tr + tr { border-top: 1px solid var(--rule); }
  .telic .wide tbody tr + tr > * { border-top: 0; }
  .telic .wide tbody td, .telic .wide tbody th { padding: .1rem 0; text-align: left;
    white-space: normal; }
  .telic .wide tbody tr > :last-child { padding-right: 0; }
  .telic .wide tbody th { font-weight: 600; }
  .telic .wide td { display: grid; grid-template-columns: minmax(0, 1fr) auto; column-gap: 1rem; }
  .telic .wide td:not(.number) { grid-template-columns: minmax(7rem, auto) minmax(0, 1fr); }
  .telic .wide td:not(.number) { text-align: right; }
  .telic .wide td::before { content: attr(data-label); color: var(--ink-soft); text-align: left; }
  .telic .wide .pad { display: none; }
}
@media print {
  .telic { font-size: 10.5pt; background: #fff; }
  .telic .theme, .telic nav { display: none; }
  .telic .page { display: block; padding: 0; max-width: none; }
  .telic .masthead { padding: 0 0 1.5rem; }
  .telic figure, .telic .finding, .telic tr { break-inside: avoid; }
  .telic h2, .telic h3, .telic thead { break-after: avoid; }
  .telic details { display: none; }
  .telic .scroll { overflow: visible; }
  .telic table { font-size: 8.5pt; }
}
"""
"""Everything hangs under ``.telic``, so a report inside a notebook styles nothing but itself."""


def page_css() -> str:
    """The style sheet: colours of both themes, then typography."""
    fonts = LAYOUT.replace("SERIF", SERIF).replace("SANS", SANS).replace("MONO", MONO)
    light = _declarations(LIGHT, "light")
    dark = _declarations(DARK, "dark")
    return "\n".join(
        [
            f".telic {{ {light} }}",
            f"@media screen and (prefers-color-scheme: dark) {{ .telic {{ {dark} }} }}",
            f".telic:has(.theme .light:checked), .telic[data-theme=light] {{ {light} }}",
            f"@media screen {{ .telic:has(.theme .dark:checked), .telic[data-theme=dark] {{ {dark} }} }}",
            fonts.strip(),
        ]
    )


def _declarations(theme: dict[str, str], scheme: str) -> str:
    return " ".join(f"{name}: {value};" for name, value in theme.items()) + f" color-scheme: {scheme};"
