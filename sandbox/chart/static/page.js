// What every page of somebody who is signed in does: menus that close, themes, finding a patient, the server's switch.
import { all, found, one } from "./dom.js";
import { finding } from "./patients.js";
import { serverSwitch } from "./server.js";
import { themes } from "./theme.js";

const menus = () => all("details.menu[open]", HTMLDetailsElement);

document.addEventListener("click", (event) => {
  const target = event.target instanceof Node ? event.target : null;
  for (const menu of menus()) if (!menu.contains(target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const menu of menus()) {
      menu.open = false;
      one("summary", HTMLElement, menu).focus();
    }
  }
  const typing = event.target instanceof Element && event.target.matches("input, select, textarea");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const field = found("main [data-find], .switcher [data-find]", HTMLInputElement);
    const menu = field?.closest("details");
    if (menu) menu.open = true;
    field?.focus();
    event.preventDefault();
  }
});
document.addEventListener(
  "toggle",
  (event) => {
    const menu = event.target;
    if (menu instanceof Element && menu.matches(".switcher[open]")) one("[data-find]", HTMLInputElement, menu).focus();
  },
  true,
);

themes();
finding();
serverSwitch();
