// @ts-check
// The dialog that makes a storyboard, in Japanese.

export const STORYBOARD = {
  "storyboard.a_panel_for": "コマの単位",
  "storyboard.drawn": "描画",
  "storyboard.drawn_help": "小さなネットワークが音だけから描きます",
  "storyboard.drawn_words": "音だけから 64 × 64 画素で描いた、打たれた物の推測です。",
  "storyboard.each_hit": "打音ごと",
  "storyboard.each_hit_help": "鳴る打音をすべて時間順に",
  "storyboard.each_sound": "音ごと",
  "storyboard.each_sound_help": "各音の最初の打音と、その打音の数",
  "storyboard.file": "ファイル",
  "storyboard.frames": "フレーム",
  "storyboard.frames_help": "打音の時刻のクリップのフレーム",
  "storyboard.make_help": "シートを作ります",
  "storyboard.making_it": "作成中 {percent} %",
  "storyboard.panels": "{count} コマ。",
  "storyboard.pdf_help": "A4 のページ",
  "storyboard.pictures": "絵",
  "storyboard.png_help": "1 枚のシート",
  "storyboard.stop_making_it": "作成をやめる",
  "storyboard.storyboard": "ストーリーボード",
  "storyboard.storyboard_of": "ストーリーボード…",
  "storyboard.storyboard_of_help": "打音または音ごとの絵を並べたシート",
};
