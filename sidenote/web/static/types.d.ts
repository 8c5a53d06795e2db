// Names of types for the viewer and the parts, so that a module says `@param {Pane} pane` and no more. Never served.
import type * as wire from "./wire.js";

declare global {
  type Context = import("./context.js").Context;
  type Child = import("./dom.js").Child;
  type Pane = import("./pixels.js").Pane;

  type ReviewView = wire.ReviewView;
  type StudyView = wire.StudyView;
  type ImageView = wire.ImageView;
  type PriorView = wire.PriorView;
  type ReadingView = wire.ReadingView;
  type SentenceView = wire.SentenceView;
  type Region = wire.Region;
  type VoiceView = wire.VoiceView;
  type SayView = wire.SayView;
  type SimilarView = wire.SimilarView;
  type CaseView = wire.CaseView;
  type PolicyView = wire.PolicyView;
  type MissingView = wire.MissingView;
  type ModelCardView = wire.ModelCardView;
  type PictureView = wire.PictureView;

  /** An image: row by row, 0 black .. 65535 white. */
  interface Pixels {
    readonly rows: number;
    readonly columns: number;
    readonly data: Uint16Array;
  }

  /** How an image is looked at. */
  interface Look {
    /** 1 shows the whole image. */
    zoom: number;
    /** What stands in the middle, in fractions of the image. */
    x: number;
    y: number;
    /** Of the grey that is shown, in fractions of the whole range. */
    width: number;
    level: number;
    invert: boolean;
  }

  /** A point in fractions of the image, or in pixels of the screen. */
  type Point = [number, number];

  /** A heat map: rows of values 0..1 over the whole image. */
  type Grid = readonly (readonly number[])[];

  /** What the image model marked: a box, a heat map or both. */
  interface Finding {
    number: number;
    name: string;
    evidence: readonly string[];
    region?: Region;
    grid?: Grid;
    /** Where, in words. */
    where: string;
    /** The box, or what the heat map's outline takes. */
    around: Region;
    /** Made when first drawn. */
    picture?: HTMLCanvasElement;
    lines?: Point[][];
  }
}
