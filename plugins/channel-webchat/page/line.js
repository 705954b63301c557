// The Direct Line 3.0 client: one conversation kept over reloads, socket loss and networks without websockets.
// It knows nothing of the page: activities and states go to `view`.

// Ms before the first reconnect; doubles up to RETRY_MOST, each with a random part.
const RETRY_FIRST = 500;
const RETRY_MOST = 20000;
// An empty frame so often, as Direct Line clients do.
const KEEP_ALIVE = 20000;
const POLL = 1500;
// How long to poll before the websocket is tried again.
const POLL_SPELL = 60000;
// Longest wait for an answer.
const PATIENCE = 20000;

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// An answer other than 2xx. `status` 0: no answer at all.
class Refused extends Error {
  constructor(status, code, after) {
    super(code || `status ${status}`);
    Object.assign(this, { status, code, after });
  }
}

class Line {
  constructor(api, anonymous, view) {
    Object.assign(this, { api, anonymous, view, key: `chat ${api}`, run: 0, seen: new Set() });
    this.session = this.load();
    addEventListener('offline', () => { this.state('offline'); this.socket?.close(); });
    addEventListener('online', () => this.wake?.());
  }

  load() {
    try {
      const session = JSON.parse(sessionStorage.getItem(this.key));
      return session?.conversationId && session.token ? session : null;
    } catch {
      return null;
    }
  }

  save() {
    try {
      if (this.session) sessionStorage.setItem(this.key, JSON.stringify(this.session));
      else sessionStorage.removeItem(this.key);
    } catch { /* a browser that keeps nothing still chats */ }
  }

  state(name) {
    if (this.now !== name) this.view.state(this.now = name);
  }

  async call(method, path, body, { token = this.session?.token, patience = PATIENCE } = {}) {
    let answer;
    const form = body instanceof FormData;
    try {
      answer = await fetch(`${this.api}/${path}`, {
        method, body: form ? body : body && JSON.stringify(body), signal: AbortSignal.timeout(patience), cache: 'no-store', credentials: 'omit', referrerPolicy: 'no-referrer',
        headers: { ...(token && { authorization: `Bearer ${token}` }), ...(body && !form && { 'content-type': 'application/json' }) },
      });
    } catch {
      throw new Refused(0);
    }
    const value = await answer.json().catch(() => null);
    if (!answer.ok) throw new Refused(answer.status, value?.error?.code, 1000 * Number(answer.headers.get('retry-after') ?? 0));
    return value ?? {};
  }

  // Begins a conversation. The token comes with the address (`#token=`) or, where the channel allows it, from the channel itself.
  async open() {
    const given = new URLSearchParams(location.hash.slice(1)).get('token');
    if (given) history.replaceState(null, '', location.pathname + location.search);
    if (!given && !this.anonymous) throw new Refused(401, 'NoEntry');
    const name = query.get('name') || undefined;
    const made = given ? { token: given } : await this.call('POST', 'tokens/generate', { user: { name } }, { token: null });
    const begun = await this.call('POST', 'conversations', { locale }, { token: made.token });
    this.session = { conversationId: begun.conversationId, token: begun.token ?? made.token, expires: Date.now() + 1000 * (begun.expires_in ?? 1800), name };
    try {
      this.session.user = JSON.parse(atob(this.session.token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'))).user;
    } catch { /* not ours to read */ }
    this.save();
    return begun.streamUrl;
  }

  async resume() {
    const watermark = this.session.watermark ?? '';
    const found = await this.call('GET', `conversations/${encodeURIComponent(this.session.conversationId)}?watermark=${encodeURIComponent(watermark)}`);
    if (found.token) this.renew(found);
    return found.streamUrl;
  }

  renew({ token, expires_in }) {
    Object.assign(this.session, { token, expires: Date.now() + 1000 * (expires_in ?? 1800) });
    this.save();
  }

  async history() {
    this.view.history(true);
    try {
      for (let at = ''; ;) {
        const page = await this.call('GET', `${this.path('activities')}?watermark=${at}`);
        this.take(page);
        if (!page.activities?.length || !page.watermark || page.watermark === at) return;
        at = page.watermark;
      }
    } finally {
      this.view.history(false);
    }
  }

  path(tail) {
    return `conversations/${encodeURIComponent(this.session.conversationId)}/${tail}`;
  }

  take({ activities, watermark }) {
    for (const activity of activities ?? []) {
      if (activity.id && activity.type !== 'typing') {
        if (this.seen.has(activity.id)) continue;
        this.seen.add(activity.id);
      }
      this.view.activity(activity);
      if (activity.type === 'endOfConversation') this.end('over');
    }
    if (watermark && watermark !== this.session?.watermark) {
      this.session.watermark = watermark;
      this.save();
    }
  }

  end(why) {
    this.run += 1;
    this.socket?.close();
    this.session = null;
    this.save();
    this.state(why === 'noEntry' ? 'denied' : 'ended');
    this.view.end(why);
  }

  // Forgets this conversation and begins another.
  fresh() {
    this.run += 1;
    this.socket?.close();
    this.session = null;
    this.save();
    this.start();
  }

  async start() {
    const run = this.run += 1;
    this.seen.clear();
    this.ready = new Promise((done) => { this.isReady = done; });
    let wait = RETRY_FIRST;
    let unopened = 0;
    let known = false;
    if (this.session && this.session.expires < Date.now()) {
      this.session = null;
      this.view.expired();
    }
    while (run === this.run) {
      try {
        this.state(navigator.onLine === false ? 'offline' : known ? 'reconnecting' : 'connecting');
        let stream;
        if (!this.session) stream = await this.open();
        else {
          if (!known) await this.history();
          stream = await this.resume();
        }
        if (run !== this.run) return;
        known = true;
        this.isReady();
        const opened = stream && unopened < 2 && await this.follow(stream, run);
        if (opened) {
          wait = RETRY_FIRST;
          unopened = 0;
        } else if (!stream || (unopened += 1) >= 2) {
          await this.poll(run);
          unopened = 0;
        }
      } catch (refused) {
        if (run !== this.run) return;
        const lost = [401, 403, 404].includes(refused.status);
        if (refused.code === 'NoEntry') return this.end('noEntry');
        if (lost && !this.session) return this.end('noEntry');
        if (lost && !known) {
          this.session = null;
          this.view.expired();
          continue;
        }
        if (lost) return this.end('over');
        this.state(navigator.onLine === false ? 'offline' : 'reconnecting');
        wait = Math.max(wait, refused.after || 0);
      }
      if (run !== this.run) return;
      await Promise.race([sleep(wait * (0.5 + Math.random() / 2)), new Promise((done) => { this.wake = done; })]);
      wait = Math.min(RETRY_MOST, wait * 2);
    }
  }

  online(transport) {
    root.dataset.transport = transport;
    this.state('online');
    this.view.online();
  }

  // Resolves when the socket has closed; true when it had been open.
  follow(stream, run) {
    return new Promise((done) => {
      let opened = false;
      let beat;
      let socket;
      try {
        const url = new URL(stream, location.href);
        url.protocol = url.protocol.replace('http', 'ws');
        socket = this.socket = new WebSocket(url);
      } catch {
        return done(false);
      }
      const slow = setTimeout(() => opened || socket.close(), 10000);
      socket.onopen = () => {
        if (run !== this.run) return socket.close();
        opened = true;
        this.online('websocket');
        beat = setInterval(() => {
          socket.send('');
          this.refresh();
        }, KEEP_ALIVE);
      };
      socket.onmessage = ({ data }) => {
        if (run === this.run && data) {
          try {
            this.take(JSON.parse(data));
          } catch (fault) {
            console.warn('frame not understood', fault);
          }
        }
      };
      socket.onclose = () => {
        clearInterval(beat);
        clearTimeout(slow);
        if (opened && run === this.run) this.state('reconnecting');
        done(opened);
      };
    });
  }

  async poll(run) {
    const until = Date.now() + POLL_SPELL;
    while (run === this.run && Date.now() < until) {
      this.take(await this.call('GET', `${this.path('activities')}?watermark=${encodeURIComponent(this.session.watermark ?? '')}`));
      if (run !== this.run) return;
      this.online('polling');
      await this.refresh();
      await sleep(document.hidden ? POLL * 4 : POLL);
    }
  }

  // At half its life the token is exchanged for a new one.
  async refresh() {
    if (!this.session || this.refreshing || this.session.expires - Date.now() > 900000) return;
    this.refreshing = true;
    try {
      const { session } = this;
      const made = await this.call('POST', 'tokens/refresh', {});
      if (session === this.session) this.renew(made);
    } catch { /* tried again with the next beat */ }
    this.refreshing = false;
  }

  // Sends one activity of the user, with files where there are some. Rejects with `Refused`.
  async send(activity, files = []) {
    await Promise.race([this.ready, sleep(PATIENCE)]);
    if (!this.session) throw new Refused(0);
    const whole = { ...activity, from: { id: this.session.user ?? '', name: this.session.name, role: 'user' }, locale };
    if (!files.length) return this.call('POST', this.path('activities'), whole);
    const form = new FormData();
    form.append('activity', new Blob([JSON.stringify(whole)], { type: 'application/vnd.microsoft.activity' }), 'blob');
    for (const file of files) form.append('file', file, file.name);
    return this.call('POST', `${this.path('upload')}?userId=${encodeURIComponent(this.session.user ?? '')}`, form, { patience: 120000 });
  }
}
