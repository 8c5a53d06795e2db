// A chart: the patient's page, and the panel beside it.
import "./page.js";
import { launching } from "./launch.js";
import { panel } from "./panel.js";
import { switching } from "./switching.js";

panel();
switching();
launching();
