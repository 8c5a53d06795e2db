// Light or dark: at once here, and remembered by the server for the next page.
import { post } from "./post.js";

export function themes() {
  for (const choice of document.querySelectorAll("[data-themes] input")) {
    choice.addEventListener("change", () => {
      document.documentElement.dataset.theme = choice.value;
      post("/chart/_/theme", { theme: choice.value }).catch(() => undefined);
    });
  }
}
