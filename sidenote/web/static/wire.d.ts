// Made by scripts/wire_types.py from the models in sidenote/web/wire/. Change those, and run it again. Never served.

export type Action = "approve" | "edit" | "reject";

export type WriteState = "off" | "pending" | "written" | "failed";

export type StepName = "bind" | "chart" | "study" | "read" | "retrieve" | "gather" | "draft" | "ground" | "guard" | "present" | "record";

export type EndReason = "another_launch" | "session_over" | "signed_out" | "expired" | "cancelled" | "shutdown";

export type EvidenceKind = "chart_fact" | "report_sentence" | "image_finding" | "similar_case" | "guidance" | "calculation";

export type Polarity = "present" | "absent" | "uncertain";

export type Tone = "critical" | "caution" | "plain" | "accent";

export type Outcome = "fired" | "clear" | "cannot_tell";

/** One question in a person's words. */
export interface QuestionAsked {
  readonly text: string;
}

/** What the snapshot of the review holds on a question. Nothing is asked of the EHR again. */
export interface AnswerView {
  readonly question: string;
  readonly outcome: "answered" | "quoted" | "nothing" | "withheld";
  readonly words: string;
  readonly cards: readonly CardView[];
  readonly withheld: readonly WithheldView[];
  readonly evidence: readonly EvidenceView[];
}

/** One source attribute. What is not known is written out as `not available`. */
export interface AttributeView {
  readonly name: string;
  readonly value: string;
}

/** Attributes that belong together. */
export interface SectionView {
  readonly title: string;
  readonly attributes: readonly AttributeView[];
}

/** One small plot. `alt` says its figures in words. */
export interface PanelView {
  readonly title: string;
  readonly note: string;
  readonly alt: string;
  readonly svg: string;
}

/** A figure of the card, drawn: a plot for each finding, and how to read them. */
export interface PictureView {
  readonly title: string;
  readonly words: string;
  readonly panels: readonly PanelView[];
}

/** A model's card. */
export interface ModelCardView {
  readonly model: string;
  readonly summary: string;
  readonly sections: readonly SectionView[];
  readonly pictures: readonly PictureView[];
}

/** One decision. Bound to the bytes of the review that was shown. */
export interface DecisionAsked {
  readonly claim: string;
  readonly action: "approve" | "edit" | "reject";
  readonly text?: string | null;
  readonly reason?: string | null;
  readonly shown_sha256: string;
}

/** A decision that stands. There is one for a claim, and there never is another. */
export interface DecisionView {
  readonly claim: string;
  readonly action: "approve" | "edit" | "reject";
  readonly text: string;
  readonly reason: string;
  readonly by: string;
  readonly at: string;
  readonly write: "off" | "pending" | "written" | "failed";
  readonly write_words: string;
  readonly written: readonly string[];
}

/** 409: somebody decided first. RFC 9457 problem with the decision that stands. */
export interface DecidedAlready {
  readonly type: string;
  readonly title: string;
  readonly status: 409;
  readonly detail: string;
  readonly code: "decided_already";
  readonly retryable: false;
  readonly first: DecisionView;
}

/** Which study of the session's patient is to be reviewed. */
export interface ReviewAsked {
  readonly study?: string | null;
}

/** A review has begun; its events are at /api/reviews/ID/events. */
export interface ReviewBegun {
  readonly review_id: string;
}

/** A launch that the EHR asked for (`launch` given) or that we begin ourselves (`launch` absent). */
export interface LaunchAsked {
  readonly iss: string;
  readonly launch?: string | null;
  readonly window: string;
}

/** Where to send the browser. */
export interface LaunchBegun {
  readonly authorize_url: string;
}

/** What the browser brought back from the EHR. */
export interface SessionAsked {
  readonly ehr: string;
  readonly query: string;
  readonly window: string;
}

/** Something that was asked for and not granted, in words. */
export interface OffView {
  readonly what: string;
  readonly reach: "part" | "none";
}

/** SMART Web Messaging, where the EHR offers it (`smart_web_messaging_origin`, `smart_web_messaging_handle`). */
export interface Messaging {
  readonly origin: string;
  readonly handle: string;
}

/** A session has begun, and its first review with it. `handle` is kept in the page's memory and nowhere else. */
export interface SessionOpened {
  readonly handle: string;
  readonly expires_in: number;
  readonly ehr: string;
  readonly user: string;
  readonly shows_banner: boolean;
  readonly review_id: string;
  readonly off: readonly OffView[];
  readonly style: Record<string, string>;
  readonly messaging: Messaging | null;
  readonly may_decide: boolean;
  readonly may_write: boolean;
  readonly image_model: boolean;
  readonly emergency: boolean;
}

/** An EHR that a person may choose for a standalone launch. */
export interface EhrChoice {
  readonly name: string;
  readonly title: string;
  readonly iss: string;
}

/** An error (RFC 9457 problem+json). `detail` never tells anything of a patient. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly retryable: boolean;
}

/** A step of the review began or ended. */
export interface StepEvent {
  readonly step: "bind" | "chart" | "study" | "read" | "retrieve" | "gather" | "draft" | "ground" | "guard" | "present" | "record";
  readonly state: "start" | "done";
  readonly ms: number | null;
}

/** Nothing more comes, and nothing from before is to be shown any longer. */
export interface EndedEvent {
  readonly reason: "another_launch" | "session_over" | "signed_out" | "expired" | "cancelled" | "shutdown";
  readonly words: string;
}

/** Whose review this is (App Launch `need_patient_banner`: name, birth date, sex, identifier). */
export interface PatientView {
  readonly name: string;
  readonly detail: string;
}

/** One check of a sentence against its evidence. */
export interface CheckView {
  readonly name: string;
  readonly outcome: "supported" | "contradicted" | "unsupported" | "cannot_tell";
  readonly detail: string;
}

/** A policy's answer in words. */
export interface PolicyView {
  readonly id: string;
  readonly title: string;
  readonly outcome: "fired" | "clear" | "cannot_tell";
  readonly action: string;
  readonly message: string;
  readonly source: string;
  readonly evidence: readonly string[];
  readonly looked_at: readonly string[];
}

/** One sentence that may be considered, with all that carries it. */
export interface CardView {
  readonly claim: string;
  readonly kind: "finding" | "assessment" | "recommendation" | "caution";
  readonly tone: "critical" | "caution" | "plain" | "accent";
  readonly heading: string;
  readonly strength: string;
  readonly text: string;
  readonly evidence: readonly string[];
  readonly checks: readonly CheckView[];
  readonly policies: readonly PolicyView[];
  readonly also: readonly string[];
  readonly decidable: boolean;
}

/** A sentence that is not shown as one, and why. */
export interface WithheldView {
  readonly text: string;
  readonly reason: string;
  readonly evidence: readonly string[];
}

/** One text of one source, with every number that the run gave it. */
export interface EvidenceView {
  readonly ids: readonly string[];
  readonly kind: "chart_fact" | "report_sentence" | "image_finding" | "similar_case" | "guidance" | "calculation";
  readonly label: string;
  readonly text: string;
  readonly reference: string;
  readonly where: string;
  readonly when: string;
  readonly status: string;
  readonly quotes: readonly (readonly [string, string])[];
  readonly based_on: readonly string[];
  readonly region: Region | null;
  readonly image: string | null;
  readonly cited_by: readonly string[];
  readonly cited: boolean;
}

/** What one voice says of a finding: a mark that does not rely on colour, and the words for it. */
export interface SayView {
  readonly mark: string;
  readonly words: string;
  readonly polarity: "present" | "absent" | "uncertain" | null;
  readonly evidence: readonly string[];
}

/** One row of the four voices. */
export interface VoiceView {
  readonly finding: string;
  readonly chart: SayView;
  readonly report: SayView;
  readonly reading: SayView;
  readonly cases: SayView;
  readonly discordant: boolean;
}

/** A finding's box on an image, in fractions of its width and height. */
export interface BoxView {
  readonly finding: string;
  readonly evidence: readonly string[];
  readonly region: Region;
}

/** A finding's heat map over the whole image: rows of values 0..1. */
export interface HeatView {
  readonly finding: string;
  readonly evidence: readonly string[];
  readonly rows: readonly (readonly number[])[];
}

/** One image of the study. Its pixels are at /api/reviews/ID/images/SHA256 (see `sidenote.web.images`). */
export interface ImageView {
  readonly sha256: string;
  readonly rows: number;
  readonly columns: number;
  readonly view: string;
  readonly notes: readonly string[];
  readonly frontal: boolean;
  readonly boxes: readonly BoxView[];
  readonly heat_maps: readonly HeatView[];
}

/** An earlier study to compare with. Its images are at /api/reviews/ID/priors/NUMBER, fetched when asked for. */
export interface PriorView {
  readonly number: number;
  readonly description: string;
  readonly when: string;
  readonly modality: string;
}

/** The study under review. */
export interface StudyView {
  readonly description: string;
  readonly when: string;
  readonly modality: string;
  readonly reference: string;
  readonly identity: "match" | "mismatch" | "unknown" | "none";
  readonly identity_words: string;
  readonly images: readonly ImageView[];
  readonly priors: readonly PriorView[];
}

/** One sentence of what the image model said, in its own words. */
export interface SentenceView {
  readonly text: string;
  readonly evidence: readonly string[];
  readonly source: string;
}

/** Findings that changed in one way since the image before. */
export interface ChangeView {
  readonly change: "new" | "resolved" | "unchanged" | "larger" | "smaller" | "undecided";
  readonly words: string;
  readonly findings: string;
  readonly evidence: readonly string[];
}

/** What the image model sees changed. `since` is a heading, and `nothing` a sentence where nothing changed. */
export interface ComparisonView {
  readonly since: string;
  readonly changed: readonly ChangeView[];
  readonly nothing: string;
}

/** What the image model said, or why it said nothing. */
export interface ReadingView {
  readonly mode: "read" | "abstained" | "off" | "refused" | "withheld" | "none";
  readonly words: string;
  readonly model: string;
  readonly reason: string;
  readonly narrative: readonly SentenceView[];
  readonly disagreements: readonly string[];
  readonly comparison: ComparisonView | null;
  readonly trust: readonly string[];
}

/** A past case of somebody else. */
export interface CaseView {
  readonly number: number;
  readonly evidence: readonly string[];
  readonly findings: readonly string[];
  readonly distance: number;
  readonly about: string;
  readonly shared: readonly string[];
  readonly differs: readonly string[];
  readonly outcome: string;
  readonly report: string;
  readonly licence: string;
  readonly thumbnail_png: string;
}

/** How the case library was asked, and what it said. */
export interface SimilarView {
  readonly comparable: boolean;
  readonly words: string;
  readonly detail: string;
  readonly method: readonly string[];
  readonly notice: string;
  readonly cases: readonly CaseView[];
}

/** What was not available, and what that means. */
export interface MissingView {
  readonly unavailable: readonly string[];
  readonly not_fitting: readonly string[];
  readonly notes: readonly string[];
  readonly quality: readonly string[];
}

/** What answered. */
export interface VersionsView {
  readonly sidenote: string;
  readonly model: string;
  readonly index: string;
  readonly rules: string;
  readonly guidance: string;
  readonly composer: string;
}

/** A finished review. The bytes of this very text are what a decision is bound to. */
export interface ReviewView {
  readonly review_id: string;
  readonly status: "presented" | "needs_review" | "withheld" | "abstained";
  readonly status_words: string;
  readonly as_of: string;
  readonly as_of_words: string;
  readonly account: readonly string[];
  readonly patient: PatientView;
  readonly study: StudyView | null;
  readonly first: readonly CardView[];
  readonly consider: readonly CardView[];
  readonly seen: readonly CardView[];
  readonly elsewhere: readonly PolicyView[];
  readonly withheld: readonly WithheldView[];
  readonly policies: readonly PolicyView[];
  readonly voices: readonly VoiceView[];
  readonly reading: ReadingView;
  readonly similar: SimilarView | null;
  readonly evidence: readonly EvidenceView[];
  readonly missing: MissingView;
  readonly versions: VersionsView;
  readonly record: string;
  readonly not_a_device: string;
  readonly ai_label: string;
}

/** A box in fractions of the image width and height, origin top left. */
export interface Region {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
  readonly score: number;
}
