/**
 * How the elements look: by the system's `color-scheme` or the `theme` attribute, by the site's `--causerie-…` properties
 * and by `::part`.
 */

/** @param {string} css */
function sheet(css) {
  const made = new CSSStyleSheet();
  made.replaceSync(css);
  return made;
}

export const theme = sheet(`
:host {
  color-scheme: light dark;
  --surface: var(--causerie-surface, light-dark(#fff, #151a19)); --ink: var(--causerie-ink, light-dark(#17201d, #e8edeb));
  --sunk: light-dark(color-mix(in oklab, var(--ink) 5%, var(--surface)), color-mix(in oklab, var(--ink) 9%, var(--surface))); --line: color-mix(in oklab, var(--ink) 13%, var(--surface)); --soft: color-mix(in oklab, var(--ink) 68%, var(--surface));
  --accent: var(--causerie-accent, light-dark(#0c6657, #126556)); --on-accent: var(--causerie-on-accent, #fff);
  --accent-ink: light-dark(var(--accent), oklch(from var(--accent) .82 .09 h)); --wash: color-mix(in oklab, var(--accent-ink) 12%, var(--surface));
  --trouble: light-dark(#a3211b, #ff9d94); --shadow: 0 .1rem 2rem light-dark(#17201d26, #0009);
  font: var(--causerie-font, 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif); color: var(--ink); text-align: start;
}
:host([theme=light]) { color-scheme: light; }
:host([theme=dark]) { color-scheme: dark; }
:host([hidden]), [hidden] { display: none !important; }
*, ::before, ::after { box-sizing: border-box; }
h2, p, ul, ol { margin: 0; padding: 0; list-style: none; font-size: inherit; }
button, input, textarea { font: inherit; color: inherit; }
button { max-width: 100%; padding: 0; border: 0; background: none; cursor: pointer; }
:disabled { cursor: default; }
:focus-visible { outline: 2px solid var(--accent-ink); outline-offset: 2px; }
a { color: var(--accent-ink); }
svg { display: block; flex: none; width: 1.25rem; fill: none; stroke: currentColor; stroke-width: 1.9; stroke-linecap: round; stroke-linejoin: round; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
bdi { text-align: -webkit-match-parent; text-align: match-parent; }
.cut { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.tool, .send { flex: none; display: grid; place-items: center; width: 2.6rem; height: 2.6rem; border-radius: 50%; color: var(--soft); }
.tool:hover, .tool[aria-expanded=true] { background: var(--sunk); color: var(--ink); }
.button { padding: .45rem 1.1rem; border: 1px solid var(--line); border-radius: 2rem; font-weight: 550; }
.button:hover { border-color: var(--soft); }
.main, .send { border-color: var(--accent); background: var(--accent); color: var(--on-accent); }
.danger { color: var(--trouble); }
.main:disabled, .send:disabled { border-color: var(--line); background: var(--sunk); color: var(--soft); }
.field, textarea { flex: 1 1 10.5rem; min-width: 0; padding: .55rem 1.05rem; border: 1px solid var(--line); border-radius: 1.4rem; background: var(--sunk); line-height: 1.45; }
::placeholder { color: var(--soft); opacity: 1; }
.field:focus-visible, textarea:focus-visible, .row:focus-visible, [tabindex]:focus-visible { outline-offset: -2px; }
.badge { display: inline-block; min-width: 1.4rem; padding: 0 .4rem; border-radius: 1rem; background: var(--causerie-badge, #b23f15); color: #fff; font: 700 .8rem/1.4rem system-ui, sans-serif; text-align: center; }
.avatar { position: relative; flex: none; display: grid; place-items: center; width: 2.75rem; height: 2.75rem; border-radius: 50%; background: light-dark(oklch(.91 .05 var(--hue)), oklch(.4 .06 var(--hue))); font-weight: 600; font-size: .95rem; }
.avatar img { position: absolute; inset: 0; width: 100%; height: 100%; border-radius: 50%; object-fit: cover; background: var(--surface); }
.online::after { content: ""; position: absolute; inset: auto 0 0 auto; width: .8rem; height: .8rem; border-radius: 50%; border: 2px solid var(--surface); background: #2f9e6e; }
.lines { flex: 1; min-width: 0; line-height: 1.4; }
.lines > * { display: block; }
:is(.lines, .row) :is(p, small, time, .about, .excerpt), .typing, .author, .line, .task, .filters button { color: var(--soft); font-size: .88rem; }
.problem, .trouble { color: var(--trouble); font-size: .9rem; }
:is(.problem, .connection, .chips, .meta span, .jump span):empty { display: none; }
.menu { position: fixed; inset: auto; margin: 0; min-width: 12rem; padding: .35rem; }
.menu, dialog, .jump { border: 1px solid var(--line); border-radius: 1.1rem; background: var(--surface); color: var(--ink); box-shadow: var(--shadow); }
.menu button { display: block; width: 100%; padding: .55rem .8rem; border-radius: .6rem; text-align: start; }
.menu button:is(:hover, :focus-visible) { background: var(--sunk); }
dialog { width: min(30rem, calc(100vw - 2rem)); max-height: min(38rem, calc(100dvh - 2rem)); padding: 0; }
dialog[open] { display: flex; flex-direction: column; }
dialog::backdrop { background: #0a100e80; }
dialog > * { padding: .75rem 1.2rem; }
dialog > header, .bar { display: flex; align-items: center; gap: .6rem; }
dialog > header { padding-inline-end: .75rem; }
h2 { flex: 1; min-width: 0; font-size: 1.08rem; font-weight: 650; line-height: 1.35; overflow-wrap: anywhere; }
dialog > .bar { flex-wrap: wrap; justify-content: flex-end; padding-block: .9rem 1.2rem; }
.people { overflow: hidden auto; min-height: 6rem; }
.person { display: flex; align-items: center; gap: .7rem; padding: .5rem 0; overflow-wrap: anywhere; }
.who { flex: 1; min-width: 0; display: flex; flex-wrap: wrap; align-items: center; gap: .35rem .8rem; }
.who .lines { flex-basis: 7rem; }
.who .button { margin: .15rem 0; margin-inline-end: .25rem; padding: .2rem .6rem; font-size: .86rem; }
.toast { position: fixed; inset: auto 1rem 5.5rem; margin: 0 auto; padding: .65rem 1.2rem; border: 0; border-radius: 2rem; background: var(--ink); color: var(--surface); }
@media (prefers-reduced-motion: no-preference) { [open], :popover-open { animation: rise .16s; } }
@keyframes rise { from { opacity: 0; translate: 0 .4rem; } }
/* Before Chrome 123, Firefox 128 and Safari 17.5: always light. */
@supports not (color: light-dark(#fff, oklch(from #000 .8 .1 h))) {
  :host, :host([theme=dark]) {
    color-scheme: light; --surface: var(--causerie-surface, #fff); --ink: var(--causerie-ink, #17201d); --sunk: color-mix(in oklab, var(--ink) 5%, var(--surface));
    --accent: var(--causerie-accent, #0c6657); --accent-ink: var(--accent); --trouble: #a3211b; --shadow: 0 .1rem 2rem #17201d26;
  }
  .avatar { background: oklch(.91 .05 var(--hue)); }
}
`);

export const badgeSheet = sheet(":host { display: inline-block; vertical-align: middle; line-height: 1; } :host(:not([count])) { display: none; }");

export const contactSheet = sheet(`
:host { display: inline-block; } :host([full-width]) { display: block; width: 100%; }
.contact { display: inline-flex; align-items: center; justify-content: center; gap: .55rem; padding: .65rem 1.3rem; border: 1px solid var(--accent); border-radius: var(--causerie-button-radius, 2rem); font-weight: 600; line-height: 1.4; }
:host([full-width]) .contact { width: 100%; }
:host([size=sm]) .contact { padding: .4rem .95rem; font-size: .9rem; }
:host([size=lg]) .contact { padding: .85rem 1.7rem; font-size: 1.08rem; }
:host([variant=secondary]) .contact:enabled { border-color: #0000; background: var(--wash); color: var(--accent-ink); }
:host([variant=outline]) .contact:enabled { border-color: currentColor; background: none; color: var(--accent-ink); }
.contact:hover:enabled { box-shadow: var(--shadow); }
`);

export const bellSheet = sheet(`
:host { display: inline-block; vertical-align: middle; line-height: 1; }
.bell { position: relative; display: grid; place-items: center; width: 2.6rem; height: 2.6rem; border-radius: 50%; }
.bell:hover, .bell[aria-expanded=true] { background: var(--sunk); }
.bell svg { width: 1.45rem; }
.badge { position: absolute; inset-block-start: .1rem; inset-inline-start: 50%; min-width: 1.2rem; padding: 0 .3rem; font-size: .7rem; line-height: 1.2rem; box-shadow: 0 0 0 2px var(--surface); }
.panel { position: fixed; inset: auto; margin: 0; width: min(24rem, 100vw - 1rem); padding: 0; overflow: hidden; border: 1px solid var(--line); border-radius: 1.1rem; background: var(--surface); color: var(--ink); line-height: 1.5; box-shadow: var(--shadow); }
.panel:popover-open { display: flex; flex-direction: column; }
.panel:focus { outline: none; }
.head { display: flex; align-items: center; gap: .5rem; padding: .5rem .5rem .5rem 1.1rem; border-bottom: 1px solid var(--line); }
.all { display: block; margin-inline-start: auto; padding: .3rem .7rem; border-radius: 1rem; color: var(--accent-ink); font-size: .88rem; font-weight: 600; }
.all:hover { background: var(--sunk); }
.scroll { overflow: hidden auto; overscroll-behavior: contain; padding: .4rem; }
.told { position: relative; }
.row { display: block; width: 100%; padding: .65rem 2.8rem .65rem 1.6rem; border-radius: .8rem; color: inherit; text-align: start; text-decoration: none; }
.row:hover { background: var(--sunk); }
.row .lines { display: block; overflow-wrap: anywhere; }
.row .title { font-weight: 550; line-height: 1.4; }
.row .text { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 4; overflow: hidden; color: var(--soft); font-size: .92rem; white-space: pre-line; }
.row.unread .title { font-weight: 700; }
.row.unread::before { content: ""; position: absolute; inset-block-start: 1.1rem; inset-inline-start: .6rem; width: .55rem; height: .55rem; border-radius: 50%; background: var(--accent-ink); }
.told .tool { position: absolute; inset-block-start: .45rem; inset-inline-end: .3rem; width: 2.2rem; height: 2.2rem; }
.told .tool svg { width: 1rem; }
.none { padding: 2rem 1rem; color: var(--soft); text-align: center; }
.scroll > .button { display: block; margin: .5rem auto; }
.toast { inset-block: auto 1rem; }
`);

export const threadSheet = sheet(`
:host { display: block; height: var(--causerie-height, 38rem); max-height: 100dvh; min-width: 0; background: var(--surface); }
.thread { display: flex; flex-direction: column; height: 100%; }
.blank, .hint, .none, .closed { display: grid; place-items: center; padding: 1.5rem; color: var(--soft); text-align: center; }
.blank { height: 100%; }
.thread header, .card { display: flex; align-items: center; gap: .8rem; padding: .75rem 1.1rem; border-bottom: 1px solid var(--line); }
.card { background: var(--sunk); font-size: .94rem; }
.card bdi, .card a { font-weight: 600; }
.card img, .calendar { flex: none; width: 2.75rem; height: 2.75rem; border-radius: .65rem; object-fit: cover; overflow: hidden; background: var(--surface); text-align: center; line-height: 1.25; }
.calendar > * { display: block; font-size: 1.2rem; font-weight: 650; }
.calendar > :first-child { padding: .05rem; background: var(--accent); color: var(--on-accent); font-size: .7rem; }
.card small::first-letter, .line span::first-letter { text-transform: uppercase; }
.connection { padding: .4rem 1.1rem; background: var(--wash); font-size: .88rem; text-align: center; animation: late 2.5s; }
@keyframes late { 0%, 99% { position: absolute; visibility: hidden; } }
.frame { flex: 1; position: relative; min-height: 0; }
.log { position: absolute; inset: 0; overflow: hidden auto; overflow-anchor: none; overscroll-behavior: contain; padding: 1rem 1.1rem; }
.older, .list > .button { display: block; margin: .5rem auto; }
.line { margin: 1.4rem 0 1rem; text-align: center; font-weight: 600; }
.line:first-child { margin-top: .25rem; }
.line span { display: inline-block; }
.line.new { display: flex; align-items: center; gap: .8rem; color: var(--accent-ink); }
.new::before, .new::after { content: ""; flex: 1; height: 1px; background: currentColor; opacity: .45; }
.message { display: flex; gap: .55rem; margin-top: .95rem; }
.follows { margin-top: .2rem; }
.column { display: flex; flex-direction: column; align-items: flex-start; flex: 1; min-width: 0; }
.mine .column { align-items: flex-end; }
.message > .avatar { display: none; width: 2rem; height: 2rem; font-size: .78rem; align-self: flex-end; }
.named > .avatar { display: grid; }
.named:has(+ .follows) > .avatar { visibility: hidden; }
.author { margin: 0 .9rem .2rem; font-weight: 600; overflow-wrap: anywhere; }
.beside { display: flex; align-items: center; gap: .15rem; max-width: min(90%, 36rem); }
.mine .beside { flex-direction: row-reverse; }
.bubble { min-width: 0; overflow: clip; padding: .55rem .9rem .5rem; border-radius: 1.2rem; background: var(--sunk); }
.mine .bubble { background: var(--accent); color: var(--on-accent); }
.mine:has(+ .follows) .bubble { border-end-end-radius: .45rem; }
.mine.follows .bubble { border-start-end-radius: .45rem; }
.theirs:has(+ .follows) .bubble { border-end-start-radius: .45rem; }
.theirs.follows .bubble { border-start-start-radius: .45rem; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.45; }
.mine a { color: inherit; }
.meta { float: inline-end; display: inline-flex; gap: .35rem; margin: .42rem -.15rem 0 .9rem; color: var(--soft); font-size: .75rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.mine .meta { color: color-mix(in srgb, var(--on-accent) 84%, var(--accent)); }
.tick { min-width: 1.05rem; padding-inline-end: .16em; text-align: end; font-size: .84rem; letter-spacing: -.16em; }
[data-status=read] .tick { color: var(--causerie-tick, #a8e4ff); font-weight: 700; }
.quote { display: block; width: 100%; margin-bottom: .35rem; padding: .3rem .7rem; border-inline-start: 3px solid; border-radius: .5rem; background: #8883; text-align: start; font-size: .86rem; line-height: 1.35; overflow-wrap: anywhere; }
.quote > * { display: block; }
.mine :is(.quote, .file) { background: #0002; }
.files { display: grid; grid-template-columns: minmax(0, 1fr); gap: .35rem; }
.file { display: flex; align-items: center; gap: .5rem; padding: .5rem .8rem .5rem .6rem; border-radius: .7rem; background: #8883; font-size: .92rem; }
.picture { width: 17rem; max-width: 100%; aspect-ratio: 4 / 3; margin: .1rem 0 .3rem; border-radius: .8rem; overflow: hidden; background: #8883; }
.picture img { display: block; width: 100%; height: 100%; object-fit: cover; }
.beside .tool { width: 2rem; height: 2rem; }
@media (hover: hover) { .message:not(:hover) .tool:not(:focus-visible, [aria-expanded=true]) { opacity: 0; } }
.message:is(.failed, .deleted, .notice) :is(.bubble, .meta) { background: none; color: var(--soft); }
.failed .bubble, .deleted .bubble { box-shadow: inset 0 0 0 1px var(--line); }
.failed .bubble { box-shadow: inset 0 0 0 1.5px var(--trouble); }
.message.failed .text { color: var(--ink); }
.deleted .text { font-style: italic; }
.deleted .tick { display: none; }
.trouble { margin: .3rem .4rem 0; text-align: end; }
.trouble button { margin-inline-start: .8rem; color: var(--accent-ink); font-weight: 600; }
.notice .column { align-items: center; font-size: .88rem; text-align: center; }
.notice .meta { float: none; margin: 0 .3rem; }
.notice .beside:has(.tool:not([hidden])) { padding-inline-start: 2.15rem; }
.jump { position: absolute; inset: auto 0 .8rem; display: flex; align-items: center; gap: .5rem; width: fit-content; min-height: 2.5rem; margin: auto; padding: .4rem .85rem; border-radius: 2rem; color: var(--accent-ink); font-size: .9rem; font-weight: 600; }
.jump:has(span:empty) { inset-inline: auto 1rem; padding: .6rem; }
.jump.above { inset: .8rem 0 auto; }
.typing { min-height: 1.4rem; padding: 0 1.25rem; }
form.write { display: flex; flex-wrap: wrap; align-items: flex-end; gap: .5rem; padding: .4rem .9rem max(.9rem, env(safe-area-inset-bottom)); }
.task, .chips { flex: 1 0 100%; max-width: 100%; display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; }
.task { flex-wrap: nowrap; padding-inline-start: .8rem; border-inline-start: 3px solid var(--accent-ink); }
.task bdi { flex: 1; }
textarea { resize: none; min-height: 2.6rem; }
.shown .bubble { outline: 3px solid var(--accent-ink); }
`);

export const inboxSheet = sheet(`
:host { display: block; height: var(--causerie-height, 44rem); max-height: 100dvh; border: 1px solid var(--line); border-radius: var(--causerie-radius, 1rem); overflow: hidden; background: var(--surface); }
.frame { container-type: inline-size; height: 100%; }
.panes { display: grid; grid-template: minmax(0, 1fr) / minmax(17rem, 34%) minmax(0, 1fr); height: 100%; }
.side { display: flex; flex-direction: column; min-height: 0; border-inline-end: 1px solid var(--line); }
.side > header { display: flex; align-items: center; padding: .8rem .7rem .3rem 1.2rem; }
.side h2 { font-size: 1.3rem; }
.side > .bar { padding: .4rem 1rem .6rem; }
.side > .filters { flex-wrap: wrap; gap: .2rem; padding-inline: .7rem; }
.filters button { padding: .25rem .6rem; border-radius: 2rem; white-space: nowrap; }
.filters button:hover { background: var(--sunk); }
.filters button[aria-pressed=true] { background: var(--wash); color: var(--accent-ink); font-weight: 600; }
.list { flex: 1; overflow-y: auto; padding: .2rem .5rem .8rem; }
.row { display: flex; align-items: center; gap: .85rem; width: 100%; padding: .7rem; border-radius: .9rem; text-align: start; }
.row:hover { background: var(--sunk); }
.row[aria-current=true] { background: var(--wash); }
.row .bar > bdi { flex: 1; }
.row .title { font-weight: 600; }
.unread .row .excerpt { color: var(--ink); font-weight: 600; }
causerie-thread { height: 100%; max-height: none; }
.back { display: none; margin: 0 -.5rem; }
input[type=checkbox] { width: 1.15rem; height: 1.15rem; accent-color: var(--accent); }
@container (max-width: 44rem) {
  .panes { grid-template-columns: minmax(0, 1fr); }
  .side { border: 0; }
  .open .side, .panes:not(.open) causerie-thread { display: none; }
  .back { display: grid; }
}
`);
