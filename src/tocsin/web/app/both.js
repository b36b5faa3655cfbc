// What the inbox page and the admin pages have in common, as one file.
export { accountButton } from "./account-button.js";
export { appStyles } from "./app-styles.js";
export { Shell } from "./shell.js";
