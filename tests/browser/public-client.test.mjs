// The public chat client from npm against our Direct Line server: what works with the original works with ours.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BASE, directLine, launch, person } from './browser.mjs';

const CLIENT = process.env.GREENTIC_WEBCHAT_CLIENT;
assert.ok(CLIENT, 'GREENTIC_WEBCHAT_CLIENT is not set: the path of webchat.js of botframework-webchat; `cargo xtask test` fetches it');

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

/** An empty page at the host's own origin with the client on it, connected with a token of its own. */
async function connect(name, transport) {
  const guest = await person(browser);
  const { tab } = guest;
  const empty = `${BASE}/a-page-of-this-test`;
  await tab.route(empty, (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>client</title><div id="chat" style="height:700px"></div>' }));
  await tab.goto(empty);
  await tab.addScriptTag({ path: CLIENT });
  await tab.evaluate(async ({ domain, name, webSocket }) => {
    const answer = await fetch(`${domain}/tokens/generate`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ user: { name } }) });
    const { token } = await answer.json();
    const line = window.WebChat.createDirectLine({ token, domain, webSocket });
    window.heard = [];
    line.activity$.subscribe((activity) => window.heard.push(activity));
    window.WebChat.renderWebChat({ directLine: line, locale: 'en-US' }, document.getElementById('chat'));
  }, { domain: directLine('web'), name, webSocket: transport === 'websocket' });
  return {
    ...guest,
    hears: (text) => tab.locator('#chat').getByText(text).first().waitFor(),
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
    await tab.locator('button', { hasText: 'Look up a ticket' }).click();
    await chat.hears('Which ticket?');
    await chat.says('T-1001');
    await chat.hears(/is open: Laptop does not start/);

    // The form is drawn by the client's own renderer, and its answer comes back.
    await tab.locator('button', { hasText: 'Report a fault' }).click();
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
    assert.ok(heard.some(({ type }) => type === 'typing'), 'no typing was sent while the tool worked');
    const ids = heard.filter(({ type }) => type === 'message').map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length, 'an activity was given twice');
    assert.deepEqual(chat.faults, []);
    await chat.leave();
  });
}
