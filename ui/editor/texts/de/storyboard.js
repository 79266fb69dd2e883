// @ts-check
// The dialog that makes a storyboard, in German.

export const STORYBOARD = {
  "storyboard.a_panel_for": "Ein Bild für",
  "storyboard.drawn": "Gezeichnet",
  "storyboard.drawn_help": "Von einem kleinen Netz allein nach dem Klang gezeichnet",
  "storyboard.drawn_words": "Mit 64 × 64 Pixeln allein nach dem Klang gezeichnet: Vermutungen, was angeschlagen wird.",
  "storyboard.each_hit": "Jeden Schlag",
  "storyboard.each_hit_help": "Jeden hörbaren Schlag, der Zeit nach",
  "storyboard.each_sound": "Jeden Klang",
  "storyboard.each_sound_help": "Den ersten Schlag jedes Klangs, mit der Zahl seiner Schläge",
  "storyboard.file": "Datei",
  "storyboard.frames": "Einzelbilder",
  "storyboard.frames_help": "Die Einzelbilder des Clips bei den Schlägen",
  "storyboard.make_help": "Das Blatt erzeugen",
  "storyboard.making_it": "Wird erzeugt, {percent} %",
  "storyboard.panels": "{count} {count|Bild|Bilder}.",
  "storyboard.pdf_help": "Seiten in A4",
  "storyboard.pictures": "Bilder",
  "storyboard.png_help": "Ein Blatt",
  "storyboard.stop_making_it": "Nicht weiter erzeugen",
  "storyboard.storyboard": "Storyboard",
  "storyboard.storyboard_of": "Storyboard…",
  "storyboard.storyboard_of_help": "Ein Blatt mit einem Bild jedes Schlags oder jedes Klangs",
};
