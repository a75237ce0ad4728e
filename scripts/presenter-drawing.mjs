// Draws the sample presenter: one SVG picture for each moment of a seamless loop. Every motion has a period that divides
// the loop, so that the last frame leads into the first, and the mouth stays closed, as lip-sync models want it.
const TAU = 2 * Math.PI
const EYE_Y = 348
const BLINK_SECONDS = 0.28
// Stretches the torso upwards from the lower edge, to where the neck wants it.
const TALL = 1.115

/** The presenter at `seconds` of a loop of `loopSeconds`, 540 by 960 units, blinking around each of `blinksAt`. */
export function drawPresenter(seconds, loopSeconds, blinksAt) {
  const wave = (cycles, phase = 0) => Math.sin(TAU * ((cycles * seconds) / loopSeconds + phase))
  const breath = wave(2)
  const open = Math.min(...blinksAt.map((at) => eyeOpening(seconds - at)))
  const head = `translate(${round(3.2 * wave(1) + 1.2 * wave(3, 0.2))} ${round(2 * breath + 1.4 * wave(2, 0.3))}) rotate(${round(1.1 * wave(1, 0.12) + 0.4 * wave(2, 0.4))} 270 560)`
  const torso = `translate(0 ${round(-1.6 * breath)}) translate(270 960) scale(${round(1 + 0.003 * breath)} ${round(TALL + 0.004 * breath)}) translate(-270 -960)`
  const gaze = round(1.1 * wave(1, 0.55))
  const brows = round(-1.2 * Math.max(0, wave(2, 0.1)) + 1.2 * (1 - open))

  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 540 960">
${DEFINITIONS}
${ROOM}
<g transform="${head}">${HAIR_BEHIND}</g>
<g transform="${torso}">${TORSO}</g>
<g transform="${head}">
${NECK}
</g>
<g transform="${torso}">${COLLAR}</g>
<g transform="${head}">
${FACE}
${eye(229, open, gaze, 1)}
${eye(311, open, gaze, -1)}
<g transform="translate(0 ${brows})">${BROWS}</g>
${HAIR_BEFORE}
</g>
<rect width="540" height="960" fill="url(#vignette)"/>
</svg>`
}

/** 1 is open, 0 closed; the lid falls faster than it rises. */
function eyeOpening(secondsFromBlink) {
  const at = secondsFromBlink / BLINK_SECONDS + 0.4
  if (at <= 0 || at >= 1) return 1
  return at < 0.4 ? 1 - smooth(at / 0.4) : smooth((at - 0.4) / 0.6)
}

function smooth(x) {
  return x * x * (3 - 2 * x)
}

function round(value) {
  return Math.round(value * 1000) / 1000
}

function eye(x, open, gaze, side) {
  const inner = x + 20 * side
  const outer = x - 21 * side
  const y = EYE_Y
  const upper = round(y + 5 - 22 * open)
  const lower = round(y + 9 + 4 * open)
  const lid = `M ${outer} ${y - 1} Q ${x - 2 * side} ${upper} ${inner} ${y + 3}`
  const shape = `${lid} Q ${x - 1 * side} ${lower} ${outer} ${y - 1} Z`
  const lashEnd = round(y - 2 - 4 * open)
  return `<clipPath id="eye${side}"><path d="${shape}"/></clipPath>
<path d="${shape}" fill="#f7f1ec"/>
<g clip-path="url(#eye${side})">
  <circle cx="${x + gaze}" cy="${y - 1}" r="11" fill="url(#iris)"/>
  <circle cx="${x + gaze}" cy="${y - 1}" r="5" fill="#1b1210"/>
  <circle cx="${x + gaze + 3.4}" cy="${y - 5}" r="2.4" fill="#fff" opacity=".92"/>
  <path d="M ${outer} ${y - 3} Q ${x} ${upper - 3} ${inner} ${y + 1} L ${inner} ${y + 2} Q ${x} ${upper + 6} ${outer} ${y + 2} Z" fill="#6b4a3e" opacity=".25"/>
</g>
<path d="M ${outer - 1 * side} ${y - 8} Q ${x - 2 * side} ${round(upper - 7 + 4 * (1 - open))} ${inner - 2 * side} ${y - 5}" fill="none" stroke="#b0745a" stroke-width="1.8" stroke-linecap="round" opacity="${round(0.25 + 0.4 * open)}"/>
<path d="${lid}" fill="none" stroke="#2c1a16" stroke-width="3.6" stroke-linecap="round"/>
<path d="M ${outer} ${y - 1} L ${outer - 5 * side} ${lashEnd}" stroke="#2c1a16" stroke-width="2.6" stroke-linecap="round"/>
<path d="M ${outer + 4 * side} ${y + 4} Q ${x} ${lower + 1} ${inner - 4 * side} ${y + 5}" fill="none" stroke="#8d5a47" stroke-width="1.2" opacity=".5"/>`
}

const DEFINITIONS = `<defs>
<linearGradient id="wall" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="#eef1f2"/><stop offset=".55" stop-color="#d5dde0"/><stop offset="1" stop-color="#b4c1c7"/></linearGradient>
<linearGradient id="pane" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#fff"/><stop offset="1" stop-color="#dfeef6"/></linearGradient>
<radialGradient id="skin" gradientUnits="userSpaceOnUse" cx="250" cy="320" r="210"><stop offset="0" stop-color="#fde0cb"/><stop offset=".55" stop-color="#f6ccb1"/><stop offset="1" stop-color="#dfa384"/></radialGradient>
<linearGradient id="neck" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#d0936f"/><stop offset=".42" stop-color="#e9b797"/><stop offset="1" stop-color="#f3c8ac"/></linearGradient>
<linearGradient id="hair" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="#5b4038"/><stop offset=".5" stop-color="#37241f"/><stop offset="1" stop-color="#201412"/></linearGradient>
<linearGradient id="jacket" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="#3c5a78"/><stop offset=".5" stop-color="#294460"/><stop offset="1" stop-color="#182c42"/></linearGradient>
<linearGradient id="lapel" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="#4a6a8a"/><stop offset="1" stop-color="#22394f"/></linearGradient>
<linearGradient id="blouse" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#fdfdfc"/><stop offset="1" stop-color="#dfe4e8"/></linearGradient>
<radialGradient id="iris"><stop offset="0" stop-color="#7a5138"/><stop offset=".7" stop-color="#4d2f20"/><stop offset="1" stop-color="#2a1811"/></radialGradient>
<radialGradient id="cheek"><stop offset="0" stop-color="#ef8f7c" stop-opacity=".42"/><stop offset="1" stop-color="#ef8f7c" stop-opacity="0"/></radialGradient>
<radialGradient id="vignette" cx=".5" cy=".42" r=".8"><stop offset=".55" stop-color="#1b2a36" stop-opacity="0"/><stop offset="1" stop-color="#1b2a36" stop-opacity=".34"/></radialGradient>
<filter id="far" x="-30%" y="-30%" width="160%" height="160%"><feGaussianBlur stdDeviation="9"/></filter>
<filter id="soft" x="-40%" y="-40%" width="180%" height="180%"><feGaussianBlur stdDeviation="5"/></filter>
<filter id="softer" x="-40%" y="-40%" width="180%" height="180%"><feGaussianBlur stdDeviation="10"/></filter>
<clipPath id="face"><path d="M 181 318 C 178 392 196 440 238 474 C 257 489 283 489 302 474 C 344 440 362 392 359 318 C 358 248 324 206 270 206 C 216 206 182 248 181 318 Z"/></clipPath>
</defs>`

// Out of focus, as behind a portrait lens: a window on the left, a shelf and a plant on the right.
const ROOM = `<rect width="540" height="960" fill="url(#wall)"/>
<g filter="url(#far)">
  <rect x="-30" y="60" width="180" height="430" rx="6" fill="url(#pane)"/>
  <path d="M 60 60 V 490 M -30 270 H 150" stroke="#c9d5da" stroke-width="9"/>
  <rect x="-60" y="492" width="230" height="22" fill="#c2ccd1"/>
  <rect x="404" y="250" width="180" height="12" fill="#a98d74"/><rect x="404" y="470" width="180" height="12" fill="#a98d74"/>
  <rect x="420" y="165" width="22" height="86" fill="#7f9aa8"/><rect x="446" y="178" width="18" height="73" fill="#c98f6b"/><rect x="468" y="158" width="26" height="93" fill="#5f7d8e"/><rect x="498" y="184" width="20" height="67" fill="#d8c3a0"/>
  <rect x="440" y="418" width="58" height="52" rx="8" fill="#e9e2d8"/>
  <path d="M 468 420 C 440 380 420 372 408 346 C 446 352 462 382 468 420 C 464 372 474 340 496 318 C 506 358 488 394 468 420 C 490 384 516 372 540 372 C 524 402 500 412 468 420 Z" fill="#6f9a7c"/>
  <path d="M 0 700 H 540 V 960 H 0 Z" fill="#a9b6bc" opacity=".5"/>
</g>`

const HAIR_BEHIND = `<path d="M 270 158 C 190 156 146 214 146 306 C 146 400 140 462 150 520 C 160 560 206 566 236 552 L 304 552 C 334 566 380 560 390 520 C 400 462 394 400 394 306 C 394 214 350 156 270 158 Z" fill="url(#hair)"/>
<path d="M 166 330 C 160 410 162 480 176 534 M 374 330 C 380 410 378 480 364 534" stroke="#1a100e" stroke-width="5" fill="none" opacity=".5" filter="url(#soft)"/>`

const NECK = `<path d="M 233 420 C 234 486 232 520 200 548 C 214 610 246 656 270 672 C 294 656 326 610 340 548 C 308 520 306 486 307 420 Z" fill="url(#neck)"/>
<path d="M 231 466 C 248 516 292 516 309 466 L 308 494 C 292 532 248 532 232 494 Z" fill="#a9694a" opacity=".45" filter="url(#soft)"/>
<path d="M 226 560 C 240 572 254 580 264 592 M 314 560 C 300 572 286 580 276 592" stroke="#c98a68" stroke-width="4" fill="none" stroke-linecap="round" opacity=".5" filter="url(#soft)"/>`

const TORSO = `<path d="M 22 960 C 26 812 48 716 138 668 C 178 646 210 634 222 596 L 318 596 C 330 634 362 646 402 668 C 492 716 514 812 518 960 Z" fill="url(#jacket)"/>
<path d="M 204 606 C 212 700 246 800 270 880 C 294 800 328 700 336 606 Z" fill="url(#blouse)"/>
<path d="M 108 960 C 112 880 108 820 96 770 M 432 960 C 428 880 432 820 444 770" stroke="#12212f" stroke-width="7" fill="none" opacity=".55" filter="url(#soft)"/>
<path d="M 60 740 C 84 700 120 682 150 668" stroke="#6d8dac" stroke-width="5" fill="none" opacity=".55" filter="url(#soft)"/>`

const COLLAR = `<path d="M 206 590 C 214 640 244 676 270 690 C 296 676 326 640 334 590 C 344 604 346 620 342 636 L 270 742 L 198 636 C 194 620 196 604 206 590 Z" fill="url(#blouse)"/>
<path d="M 205 590 C 206 618 228 664 270 692 L 250 722 C 216 694 194 650 194 616 Z" fill="#fff"/>
<path d="M 335 590 C 334 618 312 664 270 692 L 290 722 C 324 694 346 650 346 616 Z" fill="#f1f3f5"/>
<path d="M 270 692 V 870" stroke="#c3ccd3" stroke-width="2"/>
<circle cx="270" cy="752" r="4" fill="#cfd6dc"/><circle cx="270" cy="806" r="4" fill="#cfd6dc"/>
<path d="M 196 606 C 176 640 160 652 140 668 L 166 742 L 148 766 C 190 840 232 920 258 960 L 282 960 L 270 890 C 246 806 212 700 196 606 Z" fill="url(#lapel)"/>
<path d="M 344 606 C 364 640 380 652 400 668 L 374 742 L 392 766 C 350 840 308 920 282 960 L 262 960 L 270 890 C 294 806 328 700 344 606 Z" fill="url(#lapel)"/>
<path d="M 196 606 C 212 700 246 806 270 890 C 294 806 328 700 344 606" stroke="#152638" stroke-width="3" fill="none" opacity=".6"/>
<path d="M 166 742 L 148 766 M 374 742 L 392 766" stroke="#152638" stroke-width="3" opacity=".7"/>
<circle cx="352" cy="744" r="7" fill="#e2c27b"/><circle cx="350" cy="742" r="3" fill="#fff3cf"/>`

const FACE = `<path d="M 181 318 C 178 392 196 440 238 474 C 257 489 283 489 302 474 C 344 440 362 392 359 318 C 358 248 324 206 270 206 C 216 206 182 248 181 318 Z" fill="url(#skin)"/>
<g clip-path="url(#face)">
  <path d="M 181 318 C 172 250 230 268 262 250 C 300 268 368 250 359 330 L 368 220 L 270 190 L 172 220 Z" fill="#8a4f38" opacity=".38" filter="url(#softer)"/>
  <path d="M 344 300 C 352 380 336 440 290 486 L 380 486 L 380 300 Z" fill="#b9714f" opacity=".3" filter="url(#softer)"/>
  <ellipse cx="214" cy="398" rx="36" ry="26" fill="url(#cheek)"/><ellipse cx="326" cy="398" rx="36" ry="26" fill="url(#cheek)"/>
  <ellipse cx="229" cy="340" rx="32" ry="20" fill="#b26e50" opacity=".16" filter="url(#soft)"/><ellipse cx="311" cy="340" rx="32" ry="20" fill="#b26e50" opacity=".18" filter="url(#soft)"/>
  <path d="M 276 330 C 284 360 288 384 286 396 L 272 400 Z" fill="#c07e5d" opacity=".3" filter="url(#soft)"/>
  <path d="M 264 330 C 263 355 262 375 265 390" stroke="#fff3e8" stroke-width="7" fill="none" opacity=".5" filter="url(#soft)"/>
  <ellipse cx="270" cy="466" rx="22" ry="7" fill="#fff0e4" opacity=".4" filter="url(#soft)"/>
  <path d="M 254 457 C 264 462 276 462 286 457" stroke="#b3694c" stroke-width="4" fill="none" opacity=".35" filter="url(#soft)"/>
</g>
<path d="M 253 398 C 254 406 262 405 268 408 C 274 410 281 406 287 398" fill="none" stroke="#b3694c" stroke-width="2.6" stroke-linecap="round" opacity=".75"/>
<path d="M 251 393 C 248 398 250 404 255 403 M 289 393 C 292 398 290 404 285 403" fill="none" stroke="#b3694c" stroke-width="2" stroke-linecap="round" opacity=".5"/>
<path d="M 239 433 C 250 429 259 424 265 425 C 268 426 272 426 275 425 C 281 424 290 429 301 433 C 290 436 282 436 270 436 C 258 436 250 436 239 433 Z" fill="#c4605a"/>
<path d="M 240 433 C 252 436 260 435 270 436 C 280 435 288 436 300 433 C 292 446 282 450 270 450 C 258 450 248 446 240 433 Z" fill="#d4746b"/>
<path d="M 237 431.500 C 248 436 260 434.500 270 436 C 280 434.500 292 436 303 431.500" fill="none" stroke="#8f3d3a" stroke-width="2.200" stroke-linecap="round"/>
<path d="M 256 443 C 264 446 274 446 282 443" stroke="#f2b3a8" stroke-width="3" fill="none" stroke-linecap="round" opacity=".6"/>`

const BROWS = `<path d="M 199 321 C 210 308 230 305 250 316 C 232 311 214 313 200 323 Z" fill="#3b2620" stroke="#3b2620" stroke-width="3" stroke-linejoin="round"/>
<path d="M 341 321 C 330 308 310 305 290 316 C 308 311 326 313 340 323 Z" fill="#3b2620" stroke="#3b2620" stroke-width="3" stroke-linejoin="round"/>`

const HAIR_BEFORE = `<path d="M 300 186 C 262 224 216 246 186 296 C 178 340 180 390 172 420 C 176 470 172 500 182 536 C 152 530 144 470 148 400 C 142 300 148 168 270 160 C 392 160 398 300 392 400 C 396 470 388 530 358 536 C 368 500 364 470 368 420 C 362 380 364 340 352 300 C 340 258 318 222 300 186 Z" fill="url(#hair)"/>
<path d="M 292 190 C 250 220 200 244 176 300 M 280 184 C 236 204 184 230 162 300 M 306 190 C 332 216 360 250 372 310" stroke="#7a5a4d" stroke-width="3" fill="none" opacity=".55" filter="url(#soft)"/>
<path d="M 190 212 C 214 186 246 176 276 176" stroke="#a98672" stroke-width="9" fill="none" stroke-linecap="round" opacity=".5" filter="url(#soft)"/>
<path d="M 156 330 C 152 400 154 460 164 512 M 384 330 C 388 400 386 460 376 512" stroke="#6a4b40" stroke-width="4" fill="none" opacity=".5" filter="url(#soft)"/>`
