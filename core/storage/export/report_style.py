"""The look of the `html` report: one style sheet, light or dark as the reader's system is."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --paper: #f6f7f9; --card: #ffffff; --ink: #1a1f27;
  --faint: #626c7a; --line: #dfe3e9; --accent: #a35a00; --good: #1c7a45; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #101318; --card: #181c23; --ink: #e6e9ee; --faint: #949dab;
    --line: #2a303a; --accent: #ffb454; --good: #66cc8e; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 1.05rem; margin: 0; overflow-wrap: anywhere; }
.faint { color: var(--faint); margin: .25rem 0 0; font-size: .87rem; }
.totals { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.5rem 0; padding: 0; }
.totals div { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: .65rem 1.1rem; min-width: 8rem; }
.totals dd { margin: 0; font-size: 1.45rem; font-weight: 600; line-height: 1.25; }
.totals dt { color: var(--faint); font-size: .8rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 1.1rem 1.25rem; margin: 1rem 0; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin-top: .7rem;
  font-variant-numeric: tabular-nums; }
th { text-align: left; font-size: .75rem; font-weight: 600; color: var(--faint); }
th, td { padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line);
  vertical-align: middle; }
tr:last-child td { border-bottom: 0; }
.n { text-align: right; }
.path { overflow-wrap: anywhere; min-width: 14rem; }
.good { color: var(--good); } .bad { color: var(--bad); }
.kind { color: var(--accent); font-weight: 600; }
a { color: inherit; text-decoration-color: var(--accent); text-underline-offset: .2em; }
img { display: block; width: 11rem; max-width: 40vw; height: auto; border-radius: 6px; }
.strip { display: block; width: 100%; height: 16px; margin-top: .8rem; border-radius: 4px;
  background: var(--line); }
.strip rect { fill: var(--accent); }
.warning { color: var(--bad); font-size: .87rem; margin: .5rem 0 0; }
ul { margin: .5rem 0 0; padding-left: 1.2rem; }
@media print { section { break-inside: auto; } tr { break-inside: avoid; } }
"""
