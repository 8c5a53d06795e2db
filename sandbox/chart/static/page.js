// What every page of somebody who is signed in does: menus that close, themes, finding a patient, the server's switch.
import { finding } from "./patients.js";
import { serverSwitch } from "./server.js";
import { themes } from "./theme.js";

const menus = () => [...document.querySelectorAll("details.menu[open]")];

document.addEventListener("click", (event) => {
  for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const menu of menus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
  const typing = event.target instanceof Element && event.target.matches("input, select, textarea");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const field = document.querySelector("main [data-find], .switcher [data-find]");
    const menu = field?.closest("details");
    if (menu) menu.open = true;
    field?.focus();
    event.preventDefault();
  }
});
document.addEventListener(
  "toggle",
  (event) => {
    if (event.target.matches?.(".switcher[open]")) event.target.querySelector("[data-find]").focus();
  },
  true,
);

themes();
finding();
serverSwitch();
