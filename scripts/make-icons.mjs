// Makes the program's icon in every form the systems want, from one drawing: a closed mouth whose lips are the bars of
// a sound. Needs rsvg-convert from the system; run it by hand, the results are committed.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from './project-root.mjs'

const SIZE = 1024
const BAR = 74
const GAP = 32
// Heights from the corner of the mouth to its middle; the upper lip dips there, the lower one is fullest.
const UPPER = [80, 164, 226, 178]
const LOWER = [74, 150, 212, 234]
// How far the line between the lips lies below the corners: a hint of a smile.
const SMILE = [0, 24, 38, 42]
const PARTING = 30

/** The icon as SVG; `inset` is the empty border around its tile. */
function drawIcon(inset) {
  const side = SIZE - 2 * inset
  const scale = side / SIZE
  const bars = []
  for (let index = -3; index <= 3; index += 1) {
    const depth = 3 - Math.abs(index)
    const x = SIZE / 2 + index * (BAR + GAP) - BAR / 2
    const y = 478 + SMILE[depth]
    bars.push(`<rect x="${x}" y="${y - PARTING / 2 - UPPER[depth]}" width="${BAR}" height="${UPPER[depth]}" rx="${Math.min(BAR, UPPER[depth]) / 2}" fill="url(#upper)"/>`)
    bars.push(`<rect x="${x}" y="${y + PARTING / 2}" width="${BAR}" height="${LOWER[depth]}" rx="${Math.min(BAR, LOWER[depth]) / 2}" fill="url(#lower)"/>`)
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE} ${SIZE}">
<defs>
<linearGradient id="tile" x1="0" y1="0" x2=".6" y2="1"><stop offset="0" stop-color="#2f6f86"/><stop offset=".55" stop-color="#214f6d"/><stop offset="1" stop-color="#1a2f50"/></linearGradient>
<radialGradient id="light" cx=".3" cy=".12" r=".8"><stop offset="0" stop-color="#fff" stop-opacity=".2"/><stop offset="1" stop-color="#fff" stop-opacity="0"/></radialGradient>
<linearGradient id="upper" gradientUnits="userSpaceOnUse" x1="0" y1="280" x2="0" y2="510"><stop offset="0" stop-color="#fff"/><stop offset="1" stop-color="#ffe3da"/></linearGradient>
<linearGradient id="lower" gradientUnits="userSpaceOnUse" x1="0" y1="500" x2="0" y2="760"><stop offset="0" stop-color="#ffb8a3"/><stop offset="1" stop-color="#f78a78"/></linearGradient>
</defs>
<g transform="translate(${inset} ${inset}) scale(${scale})">
<rect width="${SIZE}" height="${SIZE}" rx="228" fill="url(#tile)"/>
<rect width="${SIZE}" height="${SIZE}" rx="228" fill="url(#light)"/>
${bars.join('\n')}
</g>
</svg>
`
}

function toPng(svg, pixels) {
  const { error, status, stdout, stderr } = spawnSync('rsvg-convert', ['-w', String(pixels), '-h', String(pixels)], { input: svg })
  if (error) throw error
  if (status !== 0) throw new Error(`rsvg-convert: ${stderr}`)
  return stdout
}

/** A Windows icon: a directory of PNG pictures. */
function toIco(svg) {
  const pictures = [16, 24, 32, 48, 64, 128, 256].map((pixels) => ({ pixels, png: toPng(svg, pixels) }))
  const header = Buffer.alloc(6 + 16 * pictures.length)
  header.writeUInt16LE(1, 2)
  header.writeUInt16LE(pictures.length, 4)
  let offset = header.length
  pictures.forEach(({ pixels, png }, index) => {
    const at = 6 + 16 * index
    // 256 does not fit a byte and is written as 0.
    header.writeUInt8(pixels % 256, at)
    header.writeUInt8(pixels % 256, at + 1)
    header.writeUInt16LE(1, at + 4)
    header.writeUInt16LE(32, at + 6)
    header.writeUInt32LE(png.length, at + 8)
    header.writeUInt32LE(offset, at + 12)
    offset += png.length
  })
  return Buffer.concat([header, ...pictures.map(({ png }) => png)])
}

/** A macOS icon: PNG pictures, each behind a four-letter name that says its size. */
function toIcns(svg) {
  const sizes = { icp4: 16, icp5: 32, ic11: 32, ic12: 64, ic07: 128, ic13: 256, ic08: 256, ic14: 512, ic09: 512, ic10: 1024 }
  const pictures = Object.entries(sizes).map(([name, pixels]) => block(name, toPng(svg, pixels)))
  return block('icns', Buffer.concat(pictures))
}

function block(name, content) {
  const header = Buffer.alloc(8)
  header.write(name, 'latin1')
  header.writeUInt32BE(8 + content.length, 4)
  return Buffer.concat([header, content])
}

const assets = join(projectRoot, 'assets')
const icon = drawIcon(24)
writeFileSync(join(assets, 'icon.svg'), icon)
writeFileSync(join(assets, 'icon.png'), toPng(icon, SIZE))
writeFileSync(join(assets, 'icon.ico'), toIco(icon))
// macOS wants more air around the tile than the others.
writeFileSync(join(assets, 'icon.icns'), toIcns(drawIcon(100)))
