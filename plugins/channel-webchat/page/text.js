// Words and text: what the page says in each language, and text of the conversation as DOM nodes.
// Nothing on this page assigns markup from data: whatever comes from the conversation becomes text nodes.

const $ = (id) => document.getElementById(id);
const root = document.documentElement;
const query = new URLSearchParams(location.search);
const locale = query.get('locale') || root.dataset.locale || navigator.language || 'en';

// What the page itself says. The conversation's language is `locale`, which goes with every activity.
const words = {
  connecting: 'Connecting…', online: 'Online', reconnecting: 'Reconnecting…', offline: 'You are offline', ended: 'Conversation ended',
  denied: 'Not available', placeholder: 'Write a message', send: 'Send', attach: 'Attach a file', fresh: 'New conversation', log: 'Conversation',
  typing: 'is typing', you: 'You', replies: 'Suggested replies', latest: 'Latest messages', drop: 'Drop files to attach them',
  sending: 'Sending…', failed: 'Not sent', retry: 'Try again', remove: 'Remove', today: 'Today', yesterday: 'Yesterday', sent: 'Sent',
  required: 'This field is needed.', invalid: 'Please check this value.', choose: 'Choose…', download: 'Download', form: 'Form',
  tooLarge: 'is too large. The limit is', over: 'This conversation has ended.', expired: 'The earlier conversation has expired, so this is a new one.',
  noEntry: 'This chat is opened from another page. Please go back and open it from there.', start: 'Start a new conversation', opens: 'opens in a new tab',
};

// One element with attributes, `on` listeners, `data` attributes and children; strings become text nodes.
function h(tag, props, ...kids) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value == null || value === false) continue;
    if (key === 'on') for (const [name, listen] of Object.entries(value)) node.addEventListener(name, listen);
    else if (key === 'data') Object.assign(node.dataset, value);
    else node.setAttribute(key, value === true ? '' : String(value));
  }
  node.append(...kids.flat(9).filter((kid) => kid != null && kid !== false && kid !== ''));
  return node;
}

const press = (props, click, ...kids) => h('button', { type: 'button', ...props, on: { click } }, kids);

// A drawing of the sprite in the page: the clip's copy with another name.
function icon(name) {
  const svg = $('attach').firstChild.cloneNode(true);
  svg.firstChild.setAttribute('href', `#i-${name}`);
  return svg;
}

// The address when it may be followed (http, https, mailto) or shown (also images as data), otherwise null.
function safeUrl(raw, image) {
  try {
    const url = new URL(String(raw), location.href);
    if (url.protocol === 'https:' || url.protocol === 'http:') return url.href;
    if (image) return url.protocol === 'blob:' || /^data:image\/(png|jpe?g|gif|webp|avif|svg\+xml)[;,]/i.test(raw) ? url.href : null;
    return url.protocol === 'mailto:' ? url.href : null;
  } catch {
    return null;
  }
}

function link(address, kids, props) {
  const href = safeUrl(address);
  return href ? h('a', { href, target: '_blank', rel: 'noopener noreferrer', ...props }, kids, h('span', { class: 'sr' }, ` (${words.opens})`)) : h('span', null, kids);
}

// Markdown within a line: escape, `code`, [link](address), **bold**, __bold__, ~~struck~~, *italic*, _italic_, bare addresses.
const INLINE = new RegExp([
  /\\([\\`*_{}[\]()#+\-.!~|>])/, /(`+)([^`]+)\2/, /\[([^\]]{1,500})\]\(\s*([^()\s]{1,2000}(?:\([^()\s]*\)[^()\s]*)?)(?:\s+"[^"]*")?\s*\)/,
  /\*\*(?=\S)([^]+?)\*\*/, /\b__(?=\S)([^]+?)__\b/, /~~(?=\S)([^]+?)~~/, /\*(?=[^\s*])([^*]+?)\*/, /\b_(?=\S)([^_]+?)_\b/,
  /(https?:\/\/[^\s<>()"'`*]*[^\s<>()"'`*.,;:!?])/,
].map((part) => part.source).join('|'), 'gu');
const PLAIN = /(https?:\/\/[^\s<>()"']*[^\s<>()"'.,;:!?])/gu;

function inline(text, depth = 0) {
  if (depth > 4) return [text];
  const nodes = [];
  let from = 0;
  for (const m of text.matchAll(INLINE)) {
    const [all, escaped, , code, label, address, bold, bold2, struck, italic, italic2, bare] = m;
    if (m.index > from) nodes.push(text.slice(from, m.index));
    from = m.index + all.length;
    if (escaped) nodes.push(escaped);
    else if (code) nodes.push(h('code', null, code));
    else if (label) nodes.push(link(address, inline(label, depth + 1)));
    else if (bold ?? bold2) nodes.push(h('strong', null, inline(bold ?? bold2, depth + 1)));
    else if (struck) nodes.push(h('s', null, inline(struck, depth + 1)));
    else if (italic ?? italic2) nodes.push(h('em', null, inline(italic ?? italic2, depth + 1)));
    else nodes.push(link(bare, bare));
  }
  if (from < text.length) nodes.push(text.slice(from));
  return nodes;
}

const lines = (items) => items.flatMap((item, i) => (i ? [h('br'), ...item] : item));

// Text that is not Markdown: line breaks are kept and addresses become links.
function plain(text) {
  return h('p', null, lines(String(text).split('\n').map((line) => line.split(PLAIN).map((part, i) => (i % 2 ? link(part, part) : part)))));
}

const BULLET = /^(\s*)(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/;

function list(items) {
  const node = h(items[0].number ? 'ol' : 'ul', items[0].number > 1 ? { start: items[0].number } : null);
  for (let i = 0; i < items.length;) {
    const rest = items.slice(i + 1);
    const end = rest.findIndex((item) => item.indent <= items[i].indent);
    const nested = end < 0 ? rest : rest.slice(0, end);
    node.append(h('li', null, inline(items[i].text), nested.length ? list(nested) : null));
    i += 1 + nested.length;
  }
  return node;
}

// Markdown as the conversation needs it: paragraphs, lists, quotes, headings, code blocks, rules.
function markdown(source) {
  const text = String(source);
  if (text.length > 40000) return [plain(text)];
  const nodes = [];
  const rows = text.replace(/\r\n?/g, '\n').split('\n');
  for (let i = 0; i < rows.length;) {
    const row = rows[i];
    const take = (test) => {
      const from = i;
      while (i < rows.length && test(rows[i])) i += 1;
      return rows.slice(from, i);
    };
    const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(row);
    if (!row.trim()) i += 1;
    else if (/^\s*```/.test(row)) {
      i += 1;
      nodes.push(h('pre', { tabindex: 0 }, h('code', null, take((r) => !/^\s*```/.test(r)).join('\n'))));
      i += 1;
    } else if (heading) {
      nodes.push(h('p', { class: `h h${heading[1].length}`, role: 'heading', 'aria-level': Math.min(6, heading[1].length + 1) }, inline(heading[2])));
      i += 1;
    } else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(row)) {
      nodes.push(h('hr'));
      i += 1;
    } else if (/^\s*>/.test(row)) nodes.push(h('blockquote', null, lines(take((r) => /^\s*>/.test(r)).map((r) => inline(r.replace(/^\s*>\s?/, ''))))));
    else if (BULLET.test(row)) {
      nodes.push(list(take((r) => BULLET.test(r)).map((r) => {
        const [, space, number, item] = BULLET.exec(r);
        return { indent: space.length, number: Number(number ?? 0), text: item };
      })));
    } else nodes.push(h('p', null, lines(take((r) => r.trim() && !/^(\s*(```|>)|#{1,6}\s)/.test(r) && !BULLET.test(r)).map((r) => inline(r.trim())))));
  }
  return nodes;
}
