// @ts-check
// The dialog that makes a storyboard, in English.

export const STORYBOARD = {
  "storyboard.a_panel_for": "A panel for",
  "storyboard.drawn": "Drawn",
  "storyboard.drawn_help": "Drawn from each sound alone by a small network",
  "storyboard.drawn_words": "Drawn at 64 × 64 pixels from each sound alone: guesses at what may be struck.",
  "storyboard.each_hit": "Each hit",
  "storyboard.each_hit_help": "Every hit that sounds, in order of time",
  "storyboard.each_sound": "Each sound",
  "storyboard.each_sound_help": "The first hit of each sound, with the number of its hits",
  "storyboard.file": "File",
  "storyboard.frames": "Frames",
  "storyboard.frames_help": "The clip's frames at the hits",
  "storyboard.make_help": "Make the sheet",
  "storyboard.making_it": "Making it, {percent} %",
  "storyboard.panels": "{count} {count|panel|panels}.",
  "storyboard.pdf_help": "Pages in A4",
  "storyboard.pictures": "Pictures",
  "storyboard.png_help": "One sheet",
  "storyboard.stop_making_it": "Stop making it",
  "storyboard.storyboard": "Storyboard",
  "storyboard.storyboard_of": "Storyboard…",
  "storyboard.storyboard_of_help": "A sheet with a picture of each hit or each sound",
};
