/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./rows.js").Rows} Rows */

/**
 * What a key does in an inbox. Letters act only while the focus is in it and not in a field.
 * @param {KeyboardEvent} event
 * @param {Desk} desk
 * @param {Rows | null} rows
 * @param {() => void} search brings the focus to the search
 */
export function keyed(event, desk, rows, search) {
  const target = /** @type {Element} */ (event.composedPath()[0]);
  if (event.altKey || target.closest("dialog, [role=tablist], select, pre")) return;
  const typing = target.matches("input[type=search]");
  if (typing && event.key !== "Escape" && event.key !== "ArrowDown") return;
  const done = act(event, desk, rows, search, typing);
  if (done) {
    event.preventDefault();
    event.stopPropagation();
  }
}

/** @param {KeyboardEvent} event @param {Desk} desk @param {Rows | null} rows @param {() => void} search @param {boolean} typing */
function act(event, desk, rows, search, typing) {
  const go = (/** @type {number} */ by) => { const id = desk.move(by); if (id) void rows?.focusRow(id); return true; };
  if (event.ctrlKey || event.metaKey) {
    switch (event.key.toLowerCase()) {
      case "z": void desk.undo(); return true;
      case "a": desk.selectAll(); return true;
      default: return false;
    }
  }
  const { items } = desk.inbox;
  switch (event.key) {
    case "ArrowDown": return go(typing ? 0 : 1);
    case "ArrowUp": return go(-1);
    case "j": return go(1);
    case "k": return go(-1);
    case "PageDown": return go(rows?.page ?? 1);
    case "PageUp": return go(-(rows?.page ?? 1));
    case "Home": return go(-items.length);
    case "End": return go(items.length);
    case "e": case "Delete": return away(desk);
    case "u": return toggle(desk);
    case "a": void desk.act("acknowledge"); return true;
    case "x": if (desk.current !== null) desk.select(desk.current); return true;
    case "z": void desk.undo(); return true;
    case "M": void desk.readAll(); return true;
    case "/": search(); return true;
    case "Escape": return escape(desk, typing);
    default: return false;
  }
}

/** @param {Desk} desk */
function away(desk) {
  void desk.act(desk.query.view === "dismissed" ? "undismiss" : "dismiss");
  return true;
}

/** @param {Desk} desk */
function toggle(desk) {
  const item = desk.current === null ? undefined : desk.inbox.find(desk.current);
  if (item) void desk.act(desk.inbox.state(item).read === null ? "read" : "unread");
  return true;
}

/** @param {Desk} desk @param {boolean} typing */
function escape(desk, typing) {
  if (typing && desk.query.words) void desk.ask({ words: "" });
  else if (desk.opened !== null) desk.close();
  else if (desk.selected.size) desk.selectNone();
  else return false;
  return true;
}
