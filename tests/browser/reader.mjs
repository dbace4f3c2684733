/** The elements as a person finds them on a page, or in a frame of it: by role and by name. */

export const composer = (page) => page.getByRole("textbox", { name: "Write a message" });
export const said = (page, text) => page.locator("causerie-thread [part=message]", { hasText: text });
export const badge = (page) => page.locator("header causerie-badge");
export const bell = (page) => page.locator("causerie-bell [part=button]");
export const notices = (page) => page.locator("causerie-bell [part=row]");
export const rows = (page) => page.locator("causerie-inbox [part=row]");
export const typing = (page) => page.locator("causerie-thread [part=typing]", { hasText: "typing" });

/** What the bubbles say, without the notices of what is deleted. */
export const texts = async (page) => (await page.locator("causerie-thread [part=message] .text").allTextContents()).filter(Boolean);

export async function write(page, text) {
  await composer(page).fill(text);
  await composer(page).press("Enter");
}

/** Chooses from the menu beside a message. */
export async function act(page, text, action) {
  await said(page, text).getByRole("button", { name: "Actions" }).click();
  await page.getByRole("menuitem", { name: action }).click();
}
