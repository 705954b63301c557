// The page itself: the log of bubbles, the composer, quick replies, and what is announced to screen readers.

const log = $('log');
const scroll = $('scroll');
const input = $('input');
const botName = document.title;
const limit = Number(root.dataset.uploadLimit) || 4194304;
// Messages of one sender within three minutes stand together.
const TOGETHER = 180000;
// How long a typing indicator stays without news.
const TYPING = 9000;

const clock = new Intl.DateTimeFormat(locale, { timeStyle: 'short' });
const dateline = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long' });
const size = (bytes) => (bytes < 1024 ? `${bytes} B` : bytes < 1048576 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1048576).toFixed(1)} MB`);

// ClientActivityID → {node, activity, files, card}.
let mine = new Map();
// Activity id → cards in it.
let cards = new Map();
// Files chosen and not sent.
let pending = [];
let typingEnds;
let restoring = false;
let wasEnd = true;

function day(date) {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86400000);
  return days === 0 ? words.today : days === 1 ? words.yesterday : dateline.format(date);
}

const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
const nearEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 90;

function toEnd(smooth) {
  scroll.scrollTo({ top: scroll.scrollHeight, behavior: smooth && !calm() ? 'smooth' : 'instant' });
}

// Shows a new message: its end, and where it is taller than the log, its beginning.
function toStart(node) {
  scroll.scrollTo({ top: Math.min(scroll.scrollHeight, node.offsetTop - scroll.offsetTop - 8), behavior: calm() ? 'instant' : 'smooth' });
}

// Adds a message to the log, under a date line where a new day begins.
function add(from, content, { id, date = new Date(), state } = {}) {
  const stay = !nearEnd() && from === 'bot' && !restoring;
  const last = log.querySelector('.message:last-child');
  const before = last && new Date(Number(last.dataset.time));
  if (!before || before.toDateString() !== date.toDateString()) log.append(h('p', { class: 'day' }, h('span', null, day(date))));
  const joined = before && last.dataset.from === from && !last.querySelector('[data-card-state=submitted]') && date - before < TOGETHER && before.toDateString() === date.toDateString();
  const meta = h('p', { class: 'meta' }, h('time', { datetime: date.toISOString() }, clock.format(date)));
  const node = h('article', {
    class: `message ${from}${joined ? ' joined' : ''}${restoring ? ' still' : ''}`,
    data: { from, time: date.getTime(), ...(id && { activityId: id }), ...(state && { state }) },
  }, from === 'bot' ? h('span', { class: 'face' }, icon('bot')) : null,
  h('div', { class: 'stack' }, h('span', { class: 'sr' }, `${from === 'bot' ? botName : words.you}: `), content, meta));
  log.append(node);
  if (stay) $('latest').hidden = false;
  else if (restoring || from === 'user') toEnd(!restoring);
  else toStart(node);
  return node;
}

function attachment(file) {
  const { contentType: type = '', contentUrl, name, content } = file ?? {};
  if (type === 'application/vnd.microsoft.card.adaptive') {
    const card = new Card(content ?? {}, (action, values) => submit(card, action, values));
    return { node: card.node, card };
  }
  const src = contentUrl && safeUrl(contentUrl, true);
  const href = contentUrl && safeUrl(contentUrl);
  if (src && type.startsWith('image/')) {
    const img = h('img', { src, alt: name ?? '', loading: 'lazy', on: { load: () => nearEnd() && toEnd() } });
    return { node: h('figure', { class: 'picture', data: { attachment: name ?? '' } }, href ? link(href, img) : img) };
  }
  if (href && /^(audio|video)\//.test(type)) return { node: h(type.slice(0, 5), { src: href, controls: true, preload: 'metadata', class: 'media', 'aria-label': name, data: { attachment: name ?? '' } }) };
  const label = [icon('file'), h('span', null, name || type || words.download, file?.size ? h('small', null, size(file.size)) : null)];
  return { node: href ? link(href, label, { class: 'file', download: name ?? '', data: { attachment: name ?? '' } }) : h('span', { class: 'file', data: { attachment: name ?? '' } }, label) };
}

function content(activity, isUser) {
  const made = array(activity.attachments).map(attachment);
  const { textFormat, channelData } = activity;
  const text = channelData?.messageBack?.displayText ?? activity.text;
  const bubble = text && h('div', { class: 'bubble' }, isUser || textFormat === 'plain' || textFormat === 'xml' ? plain(text) : markdown(text));
  return { nodes: [bubble, ...made.map(({ node }) => node)].filter(Boolean), cards: made.map(({ card }) => card).filter(Boolean) };
}

const view = {
  state(name) {
    $('status').dataset.state = name;
    $('status').textContent = words[name];
    $('chat').dataset.state = name;
  },

  // While earlier messages are read they are neither announced nor animated.
  history(reading) {
    restoring = reading;
    log.setAttribute('aria-busy', String(reading));
    if (!reading) toEnd();
  },

  expired() {
    clear();
    banner(words.expired);
  },

  end(why) {
    typing(false);
    replies([]);
    banner(words[why], why === 'over' && press({ class: 'action positive' }, again, words.start));
    input.disabled = true;
    ready();
  },

  online() {
    for (const [key, item] of mine) if (item.node.dataset.state === 'failed' && item.again) deliver(key);
  },

  activity(activity) {
    const isUser = activity.from?.role === 'user';
    if (activity.type === 'typing') return isUser || typing(true);
    if (activity.type !== 'message') return undefined;
    const key = activity.channelData?.clientActivityID;
    const sent = isUser && mine.get(key);
    if (sent) return accepted(key, activity);
    const answered = isUser && activity.channelData?.postBack && cards.get(activity.replyToId);
    if (answered && !activity.text) return answered.forEach((card) => card.lock(activity.value, icon('check'), words.sent));
    if (isUser && activity.channelData?.postBack && !activity.text) return undefined;
    if (!isUser) typing(false);
    const date = new Date(activity.timestamp ?? Date.now());
    const made = content(activity, isUser);
    if (made.nodes.length) add(isUser ? 'user' : 'bot', made.nodes, { id: activity.id, date, state: isUser ? 'sent' : undefined });
    if (made.cards.length) cards.set(activity.id, made.cards);
    return replies(isUser ? [] : array(activity.suggestedActions?.actions));
  },
};

const line = new Line(new URL(root.dataset.api, location.href).href, root.dataset.anonymous === 'true', view);

function typing(on) {
  clearTimeout(typingEnds);
  const end = nearEnd();
  $('typing').hidden = !on;
  $('typing-label').textContent = on ? `${botName} ${words.typing}` : '';
  if (on) typingEnds = setTimeout(typing, TYPING, false);
  if (on && end) toEnd(true);
}

function banner(text, ...more) {
  $('banner').hidden = !text;
  $('banner').replaceChildren(...[text && h('span', null, text), ...more].filter(Boolean));
}

function replies(actions) {
  const group = $('quick-replies');
  const had = group.contains(document.activeElement);
  group.replaceChildren(...actions.slice(0, 20).map((action) => {
    const title = action?.title ?? String(action?.value ?? '');
    const choose = () => {
      replies([]);
      if (/url/i.test(action.type)) open(safeUrl(action.value) ?? '', '_blank', 'noopener,noreferrer');
      else if (action.type === 'postBack' && typeof action.value !== 'string') say({ value: action.value, channelData: { postBack: true } });
      else if (action.type === 'messageBack') say({ text: String(action.text ?? title), value: action.value, channelData: { messageBack: { displayText: action.displayText ?? title } } });
      else say({ text: String(action.value ?? title), channelData: action.type === 'imBack' ? {} : { postBack: true } });
    };
    return press({ class: 'chip', data: { quickReply: String(action?.value ?? title) } }, choose, title);
  }));
  group.hidden = !actions.length;
  if (had) input.focus();
}

// Shows a message of the user at once and sends it. Its clientActivityID stays the same on every attempt, so it counts once.
function say(part, files = [], card) {
  const key = crypto.randomUUID();
  const now = new Date();
  const activity = {
    type: 'message', ...part, ...(part.text != null && { textFormat: 'plain' }), localTimestamp: now.toISOString(),
    localTimezone: Intl.DateTimeFormat().resolvedOptions().timeZone, channelData: { ...part.channelData, clientActivityID: key, attachmentSizes: files.map((file) => file.size) },
  };
  const local = files.map((file) => ({ name: file.name, contentType: file.type, size: file.size, contentUrl: /^image\/(png|jpe?g|gif|webp|avif)$/.test(file.type) ? URL.createObjectURL(file) : undefined }));
  const node = card ? card.node : add('user', content({ ...part, attachments: local }, true).nodes, { state: 'sending' });
  mine.set(key, { node, activity, files, card });
  if (!card) replies([]);
  deliver(key);
}

async function deliver(key) {
  const item = mine.get(key);
  mark(item, 'sending', key);
  try {
    const { id } = await line.send(item.activity, item.files);
    if (item.node.dataset.state !== 'sent') accepted(key, { id });
  } catch (refused) {
    if (item.node.dataset.state === 'sent') return;
    item.again = refused.status === 0 || refused.status >= 500 || refused.status === 429;
    mark(item, 'failed', key);
  }
}

// The answer to the request or the echo on the stream, whichever comes first.
function accepted(key, { id }) {
  const item = mine.get(key);
  if (id && !item.card) item.node.dataset.activityId = id;
  mark(item, 'sent', key);
}

function mark(item, state, key) {
  item.node.dataset.state = state;
  const retry = state === 'failed' && press({ class: 'retry' }, () => deliver(key), words.retry);
  if (item.card) {
    if (state === 'failed') item.card.unlock(h('span', { class: 'error' }, words.failed));
    else item.card.lock(null, ...(state === 'sent' ? [icon('check'), words.sent] : [words.sending]));
    return;
  }
  const meta = item.node.querySelector('.meta');
  meta.querySelector('.state')?.remove();
  if (state !== 'sent') meta.append(h('span', { class: 'state', role: state === 'failed' ? 'alert' : null }, state === 'failed' ? [words.failed, ' ', retry] : words.sending));
}

// Action.Submit and Action.Execute: a string as data is a message; anything else is a postback that carries the answers.
function submit(card, action, values) {
  if (typeof action.data === 'string') return say({ text: action.data });
  const value = { ...action.data, ...values, ...(action.type === 'Action.Execute' && action.verb && { verb: action.verb }) };
  const id = [...cards].find(([, list]) => list.includes(card))?.[0];
  return say({ value, replyToId: id, channelData: { postBack: true } }, [], card);
}

function ready() {
  $('send').disabled = input.disabled || (!input.value.trim() && !pending.length);
  $('attach').disabled = input.disabled;
}

function grow() {
  input.style.height = 'auto';
  input.style.height = `${Math.min(input.scrollHeight, 168)}px`;
  ready();
}

function choose(files) {
  for (const file of files) {
    if (file.size > limit) banner(`${file.name} ${words.tooLarge} ${size(limit)}.`);
    else if (pending.length < 10) pending.push(file);
  }
  show();
}

function show() {
  $('pending').hidden = !pending.length;
  $('pending').replaceChildren(...pending.map((file) => h('li', null, icon('file'), h('span', null, file.name, h('small', null, size(file.size))),
    press({ 'aria-label': `${words.remove} ${file.name}` }, () => { pending = pending.filter((other) => other !== file); show(); input.focus(); }, icon('x')))));
  ready();
}

function clear() {
  log.replaceChildren();
  for (const { files } of mine.values()) files.length = 0;
  mine = new Map();
  cards = new Map();
  pending = [];
  show();
  typing(false);
  replies([]);
  banner('');
  $('latest').hidden = true;
  input.disabled = false;
  ready();
}

function again() {
  clear();
  line.fresh();
  input.focus();
}

$('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  if ($('send').disabled) return;
  const text = input.value.trim();
  banner('');
  say(text ? { text } : {}, pending);
  pending = [];
  input.value = '';
  show();
  grow();
  input.focus();
});
input.addEventListener('input', grow);
input.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  $('composer').requestSubmit();
});
input.addEventListener('paste', (event) => {
  if (!event.clipboardData?.files.length) return;
  event.preventDefault();
  choose(event.clipboardData.files);
});
$('attach').addEventListener('click', () => $('file').click());
$('file').addEventListener('change', () => {
  choose($('file').files);
  $('file').value = '';
  input.focus();
});
$('new-conversation').addEventListener('click', again);
$('latest').addEventListener('click', () => toEnd(true));
scroll.addEventListener('scroll', () => {
  wasEnd = nearEnd();
  if (wasEnd) $('latest').hidden = true;
}, { passive: true });
let over = 0;
for (const [name, change] of [['dragenter', 1], ['dragleave', -1], ['dragover', 0], ['drop', 0]]) {
  addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    over = name === 'drop' ? 0 : over + change;
    $('drop').hidden = over < 1 || input.disabled;
    if (name === 'drop' && !input.disabled) choose(event.dataTransfer.files);
  });
}
new ResizeObserver(() => wasEnd && toEnd()).observe(scroll);

input.placeholder = words.placeholder;
input.setAttribute('aria-label', words.placeholder);
log.setAttribute('aria-label', words.log);
$('quick-replies').setAttribute('aria-label', words.replies);
$('latest').querySelector('span').textContent = words.latest;
$('drop').querySelector('p').textContent = words.drop;
for (const [id, label] of [['send', words.send], ['attach', words.attach], ['new-conversation', words.fresh]]) {
  $(id).setAttribute('aria-label', label);
  $(id).title = label;
}
line.start();
if (matchMedia('(pointer: fine)').matches) input.focus();
