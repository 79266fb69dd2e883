// @ts-check
// Every text of the editor, in English.

import { ACTIONS } from "./actions.js";
import { ANIMATIC } from "./animatic.js";
import { ARRANGE } from "./arrange.js";
import { COMMON } from "./common.js";
import { EXPORT } from "./export.js";
import { FIND } from "./find.js";
import { MIX } from "./mix.js";
import { PANELS } from "./panels.js";
import { PERFORM } from "./perform.js";
import { SERVER } from "./server.js";
import { SOUND } from "./sound.js";
import { STORYBOARD } from "./storyboard.js";
import { TIMELINE } from "./timeline.js";
import { WIDGETS } from "./widgets.js";

export const EN = { ...ACTIONS, ...ANIMATIC, ...ARRANGE, ...COMMON, ...EXPORT, ...FIND, ...MIX, ...PANELS, ...PERFORM, ...SERVER, ...SOUND, ...STORYBOARD, ...TIMELINE, ...WIDGETS };
