// The chat page through the whole help-desk conversation of the demo.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, page, person } from './browser.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

/** Opens the chat and waits until it is connected. */
async function open(channel, query, options) {
  const guest = await person(browser, options);
  const { tab } = guest;
  await tab.goto(page(channel, query));
  await tab.waitForSelector('#status[data-state=online]');
  const bubble = (text) => tab.locator('.message.bot', { hasText: text });
  return {
    ...guest,
    hears: (text) => bubble(text).last().waitFor(),
    count: (text) => bubble(text).count(),
    says: async (text) => {
      await tab.fill('#input', text);
      await tab.keyboard.press('Enter');
    },
    picks: (title) => tab.locator('#quick-replies button', { hasText: title }).click(),
    offers: () => tab.locator('#quick-replies button').allInnerTexts(),
  };
}

const MENU = ['Look up a ticket', 'Report a fault', 'That is all'];

test('the help desk greets, looks up, takes a form, remembers, and survives a reload', async () => {
  const chat = await open('web', '');
  const { tab } = chat;

  // It greets without being spoken to, over a websocket, and asks for the name once.
  assert.equal(await tab.getAttribute('html', 'data-transport'), 'websocket');
  await chat.hears('What is your name?');
  await chat.says('I am Ada');
  await chat.hears('Nice to meet you, Ada.');
  await chat.hears('What can I do for you?');
  assert.deepEqual(await chat.offers(), MENU);

  // A tool is called. The typing indicator is seen however short it stands.
  await tab.evaluate(() => {
    window.typed = 0;
    new MutationObserver((changes) => {
      for (const { oldValue } of changes) if (oldValue !== null) window.typed += 1;
    }).observe(document.getElementById('typing'), { attributes: true, attributeFilter: ['hidden'], attributeOldValue: true });
  });
  await chat.picks('Look up a ticket');
  await chat.hears('Which ticket?');
  await chat.picks('T-1001');
  await chat.hears('Ticket T-1001 is open: Laptop does not start after the update.');
  assert.ok(await tab.evaluate(() => window.typed) > 0, 'no typing indicator was shown while the tool worked');

  // The answer decides what is said, and a ticket that is not there has its own way.
  for (const [ticket, answer] of [['T-1003', 'was solved on'], ['t-1002', 'waits for an answer'], ['T-9999', 'There is no ticket T-9999.']]) {
    await chat.picks('Look up a ticket');
    await tab.locator('#quick-replies button', { hasText: 'T-1001' }).waitFor();
    await chat.says(ticket);
    await chat.hears(answer);
    await tab.locator('#quick-replies button', { hasText: 'Report a fault' }).waitFor();
  }

  // A form: what is missing is said before anything is sent; the submit resumes the flow.
  await chat.picks('Report a fault');
  const card = tab.locator('[data-card]').last();
  const submit = card.locator('button', { hasText: 'Open the ticket' });
  await submit.click();
  await card.locator('.error', { hasText: 'Please give it a title.' }).waitFor();
  await card.locator('[data-input-id=title] input').fill('Printer on fire');
  await card.locator('[data-input-id=email] input').fill('ada@example.com');
  await card.locator('label', { hasText: 'It is urgent' }).click();
  await submit.click();
  await chat.hears('PRINTER ON FIRE: we look at it right now.');
  const said = await tab.locator('.message.bot', { hasText: 'PRINTER ON FIRE' }).innerText();
  const [ticket] = /T-\d{5}/.exec(said) ?? [];
  assert.ok(ticket, `no ticket number in: ${said}`);
  assert.equal(await card.getAttribute('data-card-state'), 'submitted');

  // A reload brings everything back once, the answered form included, and the conversation goes on where it was.
  await tab.locator('#quick-replies button', { hasText: 'That is all' }).waitFor();
  const shown = await tab.locator('.message').count();
  await tab.reload();
  await tab.waitForSelector('#status[data-state=online]');
  await chat.hears('PRINTER ON FIRE');
  await tab.locator('#quick-replies button', { hasText: 'That is all' }).waitFor();
  assert.equal(await tab.locator('.message').count(), shown);
  assert.equal(await chat.count('What is your name?'), 1);
  assert.equal(await card.getAttribute('data-card-state'), 'submitted');
  assert.equal(await card.locator('[data-input-id=title] input').inputValue(), 'Printer on fire');
  await chat.picks('That is all');
  await chat.hears('Good bye, Ada.');

  // The conversation is over, and what it kept is not.
  await chat.says('hello again');
  await chat.hears(`Welcome back, Ada. Last time it was about ticket ${ticket}.`);
  assert.deepEqual(chat.faults, []);
  await chat.leave();
});

test('a form can be left, and text beside it is answered', async () => {
  const chat = await open('web', '?name=Grace');
  await chat.hears('Nice to meet you, Grace.');
  await chat.picks('Report a fault');
  await chat.tab.locator('[data-card]').waitFor();
  await chat.says('what is this?');
  await chat.hears('Please fill in the form above');
  await chat.tab.locator('[data-card] button', { hasText: 'Cancel' }).click();
  await chat.hears('All right, no ticket was opened.');
  assert.deepEqual(await chat.offers(), MENU);
  assert.deepEqual(chat.faults, []);
  await chat.leave();
});

test('messages sent without waiting are answered in their order', async () => {
  const chat = await open('web', '?name=Hedy');
  await chat.hears('What can I do for you?');
  for (const text of ['look', 'T-1001', 'look', 'T-1002', 'look', 'T-1003', 'bye']) await chat.says(text);
  await chat.hears('Good bye, Hedy.');
  const heard = await chat.tab.locator('.message.bot', { hasText: /Ticket T-/ }).allInnerTexts();
  assert.deepEqual(heard.map((text) => /Ticket (T-\d+)/.exec(text)[1]), ['T-1001', 'T-1002', 'T-1003']);
  assert.deepEqual(chat.faults, []);
  await chat.leave();
});

test('two people at once see their own conversation and nothing of the other', async () => {
  const [one, other] = await Promise.all([open('web', '?name=Barbara'), open('web', '?name=Frances')]);
  await Promise.all([one.hears('Nice to meet you, Barbara.'), other.hears('Nice to meet you, Frances.')]);
  await one.picks('Look up a ticket');
  await one.hears('Which ticket?');
  await other.says('bye');
  await other.hears('Good bye, Frances.');
  await one.says('T-1002');
  await one.hears('Ticket T-1002 waits');
  assert.equal(await other.count('Ticket T-1002'), 0);
  assert.equal(await one.count('Frances'), 0);
  await Promise.all([one.leave(), other.leave()]);
});

test('a flow written by hand and joined with a node runs beside it', async () => {
  const chat = await open('feedback', '');
  await chat.hears('How was it?');
  await chat.picks('★★★★★');
  await chat.hears('What did you like?');
  await chat.says('fast and kind');
  await chat.hears('Thank you! You gave 5 of 5 and 3 words: FAST AND KIND');
  assert.deepEqual(chat.faults, []);
  await chat.leave();
});

test('it works by keyboard alone on a narrow screen', async () => {
  const chat = await open('web', '?name=Lynn', { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true });
  const { tab } = chat;
  await chat.hears('What can I do for you?');
  await tab.focus('#log');
  await tab.keyboard.press('Tab');
  for (let steps = 0; steps < 20 && await tab.evaluate(() => document.activeElement.textContent) !== 'Look up a ticket'; steps += 1) await tab.keyboard.press('Tab');
  await tab.keyboard.press('Enter');
  await chat.hears('Which ticket?');
  assert.equal(await tab.evaluate(() => document.activeElement.id), 'input', 'the keyboard is not led back to the text field');
  await tab.keyboard.type('T-1003');
  await tab.keyboard.press('Enter');
  await chat.hears('was solved on');
  assert.ok(await tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page is wider than the screen');
  assert.equal(await tab.getAttribute('#log', 'role'), 'log');
  assert.deepEqual(chat.faults, []);
  await chat.leave();
});
