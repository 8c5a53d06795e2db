// Light or dark: at once here, and remembered by the server for the next page.
import { all } from "./dom.js";
import { post } from "./post.js";

export function themes() {
  for (const choice of all("[data-themes] input", HTMLInputElement)) {
    choice.addEventListener("change", () => {
      document.documentElement.dataset.theme = choice.value;
      post("/chart/_/theme", { theme: choice.value }).catch(() => undefined);
    });
  }
}
