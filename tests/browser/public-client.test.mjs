// The public chat client from npm against our Direct Line server: what works with the original works with ours.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BASE, directLine, launch, person } from './browser.mjs';

const CLIENT = process.env.GREENTIC_WEBCHAT_CLIENT;
assert.ok(CLIENT, 'GREENTIC_WEBCHAT_CLIENT is not set: the path of webchat.js of botframework-webchat; `cargo xtask test` fetches it');

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

/** A page at the host's own origin with the client on it, connected with a token of its own. */
async function connect(name, transport) {
  const guest = await person(browser);
  const { tab } = guest;
  // A page that really comes from the host: browsers keep made-up ones from local addresses.
  await tab.goto(`${BASE}/healthz`);
  await tab.setContent('<!doctype html><title>client</title><div id="chat" style="height:700px"></div>');
  await tab.addScriptTag({ path: CLIENT });
  await tab.evaluate(async ({ domain, name, webSocket }) => {
    const answer = await fetch(`${domain}/tokens/generate`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ user: { name } }) });
    const { token } = await answer.json();
    const line = window.WebChat.createDirectLine({ token, domain, webSocket });
    window.heard = [];
    const store = window.WebChat.createStore({}, () => (next) => (action) => {
      if (action.type === 'DIRECT_LINE/INCOMING_ACTIVITY') window.heard.push(action.payload.activity);
      return next(action);
    });
    window.WebChat.renderWebChat({ directLine: line, store, locale: 'en-US' }, document.getElementById('chat'));
  }, { domain: directLine('web'), name, webSocket: transport === 'websocket' });
  return {
    ...guest,
    // What is read to screen readers stands in the page once more, for a moment, and is not what is meant.
    hears: (text) => tab.locator('#chat .webchat__bubble__content', { hasText: text }).first().waitFor(),
    picks: (title) => tab.getByRole('toolbar', { name: 'Suggested actions' }).getByRole('button', { name: title }).click(),
    says: async (text) => {
      await tab.fill('[data-id=webchat-sendbox-input]', text);
      await tab.keyboard.press('Enter');
    },
  };
}

for (const transport of ['websocket', 'polling']) {
  test(`the public client holds the conversation by ${transport}`, async () => {
    const chat = await connect('Ada', transport);
    const { tab } = chat;
    await chat.hears('Nice to meet you');
    await chat.picks('Look up a ticket');
    await chat.hears('Which ticket?');
    await chat.says('T-1001');
    await chat.hears(/is open: Laptop does not start/);

    // The form is drawn by the client's own renderer, and its answer comes back.
    await chat.picks('Report a fault');
    await chat.hears('What is broken?');
    const fields = tab.locator('.ac-adaptiveCard input.ac-textInput');
    await fields.nth(0).fill('No light');
    await fields.nth(1).fill('ada@example.com');
    await tab.locator('.ac-adaptiveCard button', { hasText: 'Open the ticket' }).click();
    await chat.hears(/Thank you, Ada\. It is ticket/);

    // Every message of ours came back with the id the client gave it: none is shown as being sent, or as failed.
    await tab.waitForFunction(() => !/Sending|Send failed/.test(document.getElementById('chat').innerText));
    const heard = await tab.evaluate(() => window.heard);
    const mine = heard.filter(({ type, from }) => type === 'message' && from.role === 'user');
    assert.equal(mine.length, 4, JSON.stringify(mine));
    assert.ok(mine.every(({ channelData }) => channelData?.clientActivityID), 'an echo lost its clientActivityID');
    // Typing is not kept, so only who is connected at that moment hears of it.
    if (transport === 'websocket') assert.ok(heard.some(({ type }) => type === 'typing'), 'no typing was sent while the tool worked');
    const ids = heard.filter(({ type }) => type === 'message').map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length, 'an activity was given twice');
    assert.deepEqual(chat.faults, []);
    await chat.leave();
  });
}
