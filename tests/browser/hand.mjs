/** How a person does things on a page: with a mouse, or with the keyboard and nothing else. Both know the same verbs. */
import assert from "node:assert/strict";

/** Runs in the page, with an element: whether it has the focus, whatever frames and shadow roots are around it. */
function hasFocus(element) {
  let at = window.top.document.activeElement;
  while (at && at !== element) at = at.shadowRoot?.activeElement ?? at.contentDocument?.activeElement;
  return at === element;
}

/** More stops than any page here has. */
const STOPS = 250;

export const mouse = (page) => ({
  name: "mouse",
  press: (target) => target.click(),
  /** One of several that share a stop of the Tab key. */
  pick: (target) => target.click(),
  toggle: (target) => target.click(),
  async type(target, text) {
    await target.click();
    await target.pressSequentially(text, { delay: 20 });
  },
  enter: () => page.keyboard.press("Enter"),
  async choose(opener, item) {
    await opener.click();
    await item.click();
  },
  close: (dialog) => dialog.getByRole("button", { name: "Close" }).click(),
});

export function keyboard(page) {
  const { keyboard: keys } = page;
  const until = async (key, isThere, what) => {
    for (let n = 0; !(await isThere()); n++) {
      assert.ok(n < STOPS, `${key} does not lead to ${what}`);
      await keys.press(key);
    }
  };
  const isAt = (target) => target.evaluate(hasFocus);
  const reach = async (target) => {
    await target.waitFor();
    await until("Tab", () => isAt(target), target);
  };
  /** The arrows, from wherever in its group the Tab key stops. */
  const pick = async (target, group, next = "ArrowDown") => {
    await target.waitFor();
    const isInside = async () => {
      for (const one of await group.all()) if (await isAt(one)) return true;
      return false;
    };
    await until("Tab", isInside, group);
    await keys.press("Home");
    await until(next, () => isAt(target), target);
    await keys.press("Enter");
  };
  const press = async (target) => {
    await reach(target);
    await keys.press("Enter");
  };
  return {
    name: "keyboard",
    press, pick,
    async toggle(target) {
      await reach(target);
      await keys.press("Space");
    },
    async type(target, text) {
      await reach(target);
      await keys.type(text, { delay: 20 });
    },
    enter: () => keys.press("Enter"),
    async choose(opener, item, group) {
      if (group) await pick(opener, group);
      else await press(opener);
      await item.waitFor();
      await until("ArrowDown", () => isAt(item), item);
      await keys.press("Enter");
    },
    async close(dialog) {
      await keys.press("Escape");
      await dialog.waitFor({ state: "hidden" });
    },
  };
}
