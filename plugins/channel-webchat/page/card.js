// Adaptive Cards 1.5 as DOM. A card is untrusted data: addresses pass `safeUrl`, text becomes text nodes, depth and number of elements
// are bounded. Element and property names, defaults and how inputs are collected follow the Adaptive Cards schema.

const DEPTH = 24;
const ELEMENTS = 1500;
const array = (value) => (Array.isArray(value) ? value : []);
const word = (value) => String(value ?? '').toLowerCase();
let serial = 0;

class Card {
  // `act(kind, action, values)` is called for Action.Submit and Action.Execute once the inputs are valid.
  constructor(json, act) {
    this.act = act;
    this.inputs = [];
    this.named = new Map();
    this.left = ELEMENTS;
    const body = this.panel(json, null, 0);
    this.tap(body, json.selectAction, null);
    this.node = h(this.inputs.length ? 'fieldset' : 'div', { class: 'card', data: { card: '', cardState: 'open' }, lang: json.lang },
      this.inputs.length ? h('legend', { class: 'sr' }, json.speak ?? words.form) : null, body,
      this.note = h('p', { class: 'note', role: 'status' }));
  }

  // A card or a shown card: its body and then its actions. Inputs belong to the panel they stand in.
  panel(json, parent, depth) {
    const panel = { parent };
    return h('div', { class: 'panel' }, this.items(json?.body, panel, depth), this.actions(json?.actions, panel, depth));
  }

  items(list, panel, depth) {
    return array(list).map((item) => this.item(item, panel, depth)).filter(Boolean);
  }

  item(item, panel, depth) {
    if (!item || typeof item !== 'object' || depth > DEPTH || (this.left -= 1) < 0) return null;
    const make = ELEMENT[item.type];
    if (!make) return item.fallback && item.fallback !== 'drop' ? this.item(item.fallback, panel, depth + 1) : null;
    const node = make.call(this, item, panel, depth + 1);
    if (!node) return null;
    node.classList.add('item', `space-${word(item.spacing) || 'default'}`);
    if (item.separator) node.classList.add('separator');
    if (item.horizontalAlignment) node.classList.add(`align-${word(item.horizontalAlignment)}`);
    if (word(item.height) === 'stretch') node.classList.add('grow');
    if (/^\d+px$/.test(item.minHeight)) node.style.minHeight = item.minHeight;
    if (item.isVisible === false) node.hidden = true;
    if (item.id) this.named.set(String(item.id), node);
    if (item.selectAction) this.tap(node, item.selectAction, panel);
    return node;
  }

  box(item, panel, depth, kind) {
    const node = h('div', { class: `${kind} style-${word(item.style) || 'none'}` }, this.items(item.items, panel, depth));
    if (item.verticalContentAlignment) node.classList.add(`valign-${word(item.verticalContentAlignment)}`);
    return node;
  }

  tap(node, action, panel) {
    if (!action?.type) return;
    const run = (event) => {
      if (event.type === 'keydown' ? event.target !== node || (event.key !== 'Enter' && event.key !== ' ') : event.target.closest('a,button,input,select,textarea,label,[role=button],[role=link]') !== node) return;
      event.preventDefault();
      this.run(action, panel, node);
    };
    node.classList.add('tap');
    node.tabIndex = 0;
    node.setAttribute('role', action.type === 'Action.OpenUrl' ? 'link' : 'button');
    if (action.title) node.setAttribute('aria-label', action.title);
    node.addEventListener('click', run);
    node.addEventListener('keydown', run);
  }

  actions(list, panel, depth) {
    const shown = [];
    const buttons = array(list).slice(0, 24).map((action) => {
      if (!action || !/^Action\.(Submit|Execute|OpenUrl|ShowCard|ToggleVisibility)$/.test(action.type)) return null;
      const picture = action.iconUrl && safeUrl(action.iconUrl, true);
      const content = [picture ? h('img', { src: picture, alt: '' }) : null, action.title ?? ''];
      const props = { class: `action ${word(action.style) || 'default'}`, title: action.tooltip, data: { action: word(action.type.slice(7)) } };
      const href = action.type === 'Action.OpenUrl' && safeUrl(action.url);
      if (action.type === 'Action.OpenUrl' && !href) return null;
      if (href) return link(href, content, props);
      const button = press({ disabled: action.isEnabled === false, ...props }, () => this.run(action, panel, button, shown), content);
      if (action.type === 'Action.ShowCard') {
        const inner = this.panel(action.card, panel, depth + 1);
        inner.classList.add('shown', 'style-emphasis');
        inner.hidden = true;
        inner.id = `shown-${serial += 1}`;
        shown.push(inner);
        button.setAttribute('aria-expanded', 'false');
        button.setAttribute('aria-controls', inner.id);
      }
      return button;
    });
    return buttons.some(Boolean) ? [h('div', { class: 'actions' }, buttons), shown] : null;
  }

  run(action, panel, button, shown = []) {
    if (action.type === 'Action.OpenUrl') {
      const href = safeUrl(action.url);
      if (href) open(href, '_blank', 'noopener,noreferrer');
    } else if (action.type === 'Action.ToggleVisibility') {
      for (const target of array(action.targetElements)) {
        const node = this.named.get(String(target?.elementId ?? target));
        if (node) node.hidden = !(target?.isVisible ?? node.hidden);
      }
    } else if (action.type === 'Action.ShowCard') {
      for (const inner of shown) {
        inner.hidden = inner.id !== button.getAttribute('aria-controls') || !inner.hidden;
        button.parentNode.querySelector(`[aria-controls="${inner.id}"]`).setAttribute('aria-expanded', String(!inner.hidden));
      }
    } else if (/^Action\.(Submit|Execute)$/.test(action.type) && this.node.dataset.cardState === 'open') {
      const values = {};
      if (action.associatedInputs !== 'none' && action.associatedInputs !== 'None') {
        const scope = [];
        for (let at = panel; at; at = at.parent) scope.push(at);
        const inputs = this.inputs.filter((input) => scope.includes(input.panel));
        const wrong = inputs.filter((input) => !input.check());
        if (wrong.length) return wrong[0].focus();
        for (const input of inputs) if (input.get() !== '' || input.empty) values[input.id] = input.get();
      }
      this.act(action, values, button);
    }
  }

  // Disables the card and keeps (or, on replay, restores) the answers.
  lock(values, ...note) {
    for (const input of this.inputs) if (values && Object.hasOwn(values, input.id)) input.set(String(values[input.id]));
    this.set('submitted', true, note);
  }

  unlock(...note) {
    this.set('open', false, note);
  }

  set(state, disabled, note) {
    this.node.dataset.cardState = state;
    for (const control of this.node.querySelectorAll('input,select,textarea,button')) control.disabled = disabled;
    this.note.replaceChildren(...note);
  }

  // Label, control and error message of one input. `ask` gives the reason why the value cannot be sent, if there is one.
  input(item, panel, controls, { get, set, group, ask = () => '', empty }) {
    const id = `in-${serial += 1}`;
    const label = item.label && [h('span', null, inline(String(item.label))), item.isRequired ? h('b', { 'aria-hidden': 'true' }, ' *') : null];
    const error = h('p', { class: 'error', id: `${id}-e`, hidden: true });
    const field = h(group ? 'fieldset' : 'div', { class: 'field', data: { inputId: item.id ?? '' } },
      label && h(group ? 'legend' : 'label', { for: group ? null : id }, label), controls, error);
    const targets = [...field.querySelectorAll('input,select,textarea')];
    if (!group) targets[0].id = id;
    for (const target of targets) {
      if (item.isRequired) target.setAttribute('aria-required', 'true');
      if (!label && !group && !target.labels?.length) target.setAttribute('aria-label', item.placeholder ?? item.title ?? item.id ?? '');
      target.addEventListener('input', () => field.classList.contains('wrong') && input.check());
    }
    const input = {
      id: String(item.id ?? ''), panel, get, set, empty,
      focus: () => targets[0].focus(),
      check: () => {
        const why = item.isRequired && get() === '' ? words.required : get() === '' ? '' : ask(get());
        const bad = Boolean(why) || targets.some((target) => !target.validity.valid);
        field.classList.toggle('wrong', bad);
        error.hidden = !bad;
        error.textContent = bad ? item.errorMessage || why || words.invalid : '';
        for (const target of targets) {
          target.setAttribute('aria-invalid', String(bad));
          target.setAttribute('aria-describedby', error.id);
        }
        return !bad;
      },
    };
    if (input.id) this.inputs.push(input);
    return field;
  }

  single(item, panel, type, limits = {}) {
    const control = type === 'textarea' ? h('textarea', { rows: 3 }) : h('input', { type });
    for (const [name, value] of Object.entries({ placeholder: item.placeholder, ...limits })) if (value != null) control.setAttribute(name, value);
    control.value = this.moment(item.value);
    const ask = (value) => {
      try {
        return item.regex && !new RegExp(item.regex, 'u').test(value) ? words.invalid : '';
      } catch {
        return '';
      }
    };
    const field = this.input(item, panel, control, { get: () => control.value, set: (value) => { control.value = value; }, ask });
    if (item.inlineAction?.type) {
      const line = h('div', { class: 'inline' });
      control.replaceWith(line);
      line.append(control, ...array(this.actions([item.inlineAction], panel, DEPTH)).flat());
    }
    return field;
  }

  // Dates and times in text: {{DATE(2026-02-01T08:00:00Z, SHORT)}} and {{TIME(…)}}.
  moment(value) {
    return String(value ?? '').replace(/\{\{(DATE|TIME)\(\s*([^,)]+?)\s*(?:,\s*(\w+)\s*)?\)\}\}/g, (all, kind, at, style) => {
      const when = new Date(at);
      if (Number.isNaN(when.getTime())) return all;
      const dateStyle = { SHORT: 'medium', LONG: 'full' }[style] ?? 'short';
      return new Intl.DateTimeFormat(locale, kind === 'TIME' ? { timeStyle: 'short' } : { dateStyle }).format(when);
    });
  }

  tone(node, item) {
    node.classList.add(`size-${word(item.size) || 'default'}`, `weight-${word(item.weight) || 'default'}`, `color-${word(item.color) || 'default'}`);
    if (item.isSubtle) node.classList.add('subtle');
    if (word(item.fontType) === 'monospace') node.classList.add('mono');
    return node;
  }

  picture(item) {
    const src = safeUrl(item.url, true);
    if (!src) return null;
    const img = h('img', { src, alt: item.altText ?? '', loading: 'lazy', class: word(item.style) === 'person' ? 'person' : null });
    if (/^\d+px$/.test(item.width)) img.style.width = item.width;
    if (/^\d+px$/.test(item.height)) img.style.height = item.height;
    return img;
  }
}

const ELEMENT = {
  TextBlock(item) {
    const node = this.tone(h('div', { class: 'text' }, markdown(this.moment(item.text))), item);
    if (item.style === 'heading') {
      node.setAttribute('role', 'heading');
      node.setAttribute('aria-level', '2');
    }
    if (!item.wrap) node.classList.add('nowrap');
    else if (item.maxLines > 0) {
      node.classList.add('clamp');
      node.style.webkitLineClamp = Math.floor(item.maxLines);
    }
    return node;
  },
  RichTextBlock(item, panel) {
    return h('div', { class: 'text' }, h('p', null, array(item.inlines).map((run) => {
      if (typeof run === 'string') return run;
      if (run?.type !== 'TextRun') return null;
      const node = this.tone(h(run.highlight ? 'mark' : 'span', null, this.moment(run.text)), run);
      for (const style of ['italic', 'strikethrough', 'underline']) if (run[style]) node.classList.add(style);
      this.tap(node, run.selectAction, panel);
      return node;
    })));
  },
  Image(item) {
    const img = this.picture(item);
    return img && h('div', { class: `image image-${word(item.size) || 'auto'}` }, img);
  },
  ImageSet(item) {
    return h('div', { class: `images image-${word(item.imageSize) || 'medium'}` }, array(item.images).slice(0, 60).map((image) => this.picture(image ?? {})));
  },
  FactSet(item) {
    return h('dl', { class: 'facts' }, array(item.facts).slice(0, 200).map((fact) => [h('dt', null, inline(String(fact?.title ?? ''))), h('dd', null, inline(this.moment(fact?.value)))]));
  },
  Container(item, panel, depth) {
    return this.box(item, panel, depth, 'container');
  },
  ColumnSet(item, panel, depth) {
    return h('div', { class: `columns style-${word(item.style) || 'none'}` }, array(item.columns).map((column) => {
      const node = this.item({ ...column, type: 'Column' }, panel, depth);
      const width = column?.width ?? 'stretch';
      const share = Number(width);
      if (node) node.style.flex = width === 'auto' ? '0 1 auto' : /^\d+px$/.test(width) ? `0 0 ${width}` : `${share > 0 ? share : 1} 1 0`;
      return node;
    }));
  },
  Column(item, panel, depth) {
    return this.box(item, panel, depth, 'column');
  },
  ActionSet(item, panel, depth) {
    const actions = this.actions(item.actions, panel, depth);
    return actions && h('div', null, actions);
  },
  Table(item, panel, depth) {
    const head = item.firstRowAsHeader ?? item.firstRowAsHeaders ?? true;
    const total = array(item.columns).reduce((sum, column) => sum + (Number(column?.width) || 1), 0);
    const rows = array(item.rows).map((row, index) => h('tr', { class: `style-${word(row?.style) || 'none'}` }, array(row?.cells).map((cell, at) => {
      const node = h(head && index === 0 ? 'th' : 'td', { scope: head && index === 0 ? 'col' : null, class: `style-${word(cell?.style) || 'none'}` }, this.items(cell?.items, panel, depth));
      const column = array(item.columns)[at];
      node.classList.add(`align-${word(column?.horizontalCellContentAlignment ?? row?.horizontalCellContentAlignment) || 'left'}`);
      if (column && index === 0) node.style.width = /^\d+px$/.test(column.width) ? column.width : `${((Number(column.width) || 1) / total) * 100}%`;
      return node;
    })));
    return h('div', { class: `table${item.showGridLines === false ? '' : ' grid'}`, tabindex: 0, role: 'group' }, h('table', null, rows));
  },
  'Input.Text'(item, panel) {
    const style = /^(email|url|tel|password)$/i.test(item.style) ? word(item.style) : 'text';
    return this.single(item, panel, item.isMultiline ? 'textarea' : style, { maxlength: item.maxLength > 0 ? item.maxLength : null });
  },
  'Input.Number'(item, panel) {
    return this.single(item, panel, 'number', { min: item.min, max: item.max, step: 'any', inputmode: 'decimal' });
  },
  'Input.Date'(item, panel) {
    return this.single(item, panel, 'date', { min: item.min, max: item.max });
  },
  'Input.Time'(item, panel) {
    return this.single(item, panel, 'time', { min: item.min, max: item.max });
  },
  'Input.Toggle'(item, panel) {
    const on = String(item.valueOn ?? 'true');
    const off = String(item.valueOff ?? 'false');
    const box = h('input', { type: 'checkbox' });
    box.checked = String(item.value ?? '') === on;
    const required = item.isRequired && !item.label ? h('b', { 'aria-hidden': 'true' }, ' *') : null;
    const set = (value) => { box.checked = value === on; };
    // A required toggle must be switched on; otherwise both states are answers.
    const get = () => (box.checked ? on : item.isRequired ? '' : off);
    return this.input(item, panel, h('label', { class: 'check' }, box, h('span', null, inline(String(item.title ?? '')), required)), { get, set, empty: true });
  },
  'Input.ChoiceSet'(item, panel) {
    const choices = array(item.choices).slice(0, 500).map((choice) => ({ title: String(choice?.title ?? ''), value: String(choice?.value ?? '') }));
    const many = item.isMultiSelect === true;
    const start = this.moment(item.value);
    if (many || word(item.style) === 'expanded') {
      const name = `choice-${serial += 1}`;
      const boxes = choices.map((choice) => h('input', { type: many ? 'checkbox' : 'radio', name, value: choice.value }));
      const set = (value) => {
        const picked = many ? value.split(',') : [value];
        for (const box of boxes) box.checked = picked.includes(box.value);
      };
      set(start);
      return this.input({ ...item, label: item.label ?? item.placeholder ?? '' }, panel, boxes.map((box, i) => h('label', { class: 'check' }, box, h('span', null, inline(choices[i].title)))), {
        group: true, set, get: () => boxes.filter((box) => box.checked).map((box) => box.value).join(','),
      });
    }
    const select = h('select', null, h('option', { value: '' }, item.placeholder ?? words.choose), choices.map((choice) => h('option', { value: choice.value }, choice.title)));
    select.value = choices.some((choice) => choice.value === start) ? start : '';
    return this.input(item, panel, h('span', { class: 'select' }, select), { get: () => select.value, set: (value) => { select.value = value; } });
  },
};
