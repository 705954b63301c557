// The browser and the host's addresses, for the tests in this folder. The host runs already; its address comes from outside.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

/** The host, such as http://127.0.0.1:8080. */
export const BASE = process.env.GREENTIC_BASE_URL;
assert.ok(BASE, 'GREENTIC_BASE_URL is not set: run `cargo xtask test`, or start the demo and set it to http://127.0.0.1:8080');

/** The chat page of a channel of the demo's bundle. */
export const page = (channel, query = '') => `${BASE}/v1/web/webchat/demo/default/${channel}/${query}`;

/** The Direct Line endpoint of a channel. */
export const directLine = (channel) => `${BASE}/v1/messaging/webchat/demo/default/${channel}/v3/directline`;

/** Longest wait for anything on a page, in milliseconds: the machine may be busy. */
const PATIENCE = 20_000;

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });

/**
 * A page of a new person: no cookies, no storage. `faults` collects what must not happen: script errors, console errors,
 * requests to any other host.
 */
export async function person(browser, options = {}) {
  const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1000, height: 800 }, ...options });
  const tab = await context.newPage();
  tab.setDefaultTimeout(PATIENCE);
  const faults = [];
  tab.on('pageerror', (error) => faults.push(`script: ${error.message}`));
  tab.on('console', (message) => {
    // Asked for by the browser itself where a page names no icon.
    const icon = message.location().url.endsWith('/favicon.ico');
    if (message.type() === 'error' && !icon) faults.push(`console: ${message.text()}`);
  });
  tab.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(BASE) && !/^(data|blob):/.test(url)) faults.push(`request to another host: ${url}`);
  });
  return { tab, faults, leave: () => context.close() };
}
