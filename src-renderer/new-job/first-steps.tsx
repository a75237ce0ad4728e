// Shown until there is a first job: how it goes, and a way to see it without files of one's own.
import { Button } from '@mantine/core'
import { IconSparkles } from '@tabler/icons-react'
import { useWords } from '../use-speech'
import classes from './first-steps.module.css'

export function FirstSteps({ onSamples }: { readonly onSamples: () => void }) {
  const { steps } = useWords().newJob
  return (
    <section className={classes.steps} aria-label={steps.title}>
      <h2 className={classes.title}>{steps.title}</h2>
      <ol className={classes.list}>
        {[steps.video, steps.audio, steps.start].map((step, index) => (
          <li key={step} className={classes.step}>
            <span className={classes.number} aria-hidden>
              {index + 1}
            </span>
            {step}
          </li>
        ))}
      </ol>
      <Button variant="light" leftSection={<IconSparkles size={15} aria-hidden />} onClick={onSamples} data-testid="use-samples">
        {steps.samples}
      </Button>
    </section>
  )
}
