"""Draw scores of drawings, and some of the drawings."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.report.figures.style import save
    from memorability.report.where.modified import modified_examples_figure, modified_figure

    tests, note = job.read("tests", "modified_tests"), job.params.note
    save(modified_figure(tests, note=note), job.output.svg, job.output.png)
    figure = modified_examples_figure(Path(job.input.examples), note=note)
    save(figure, job.output.examples_svg, job.output.examples_png)
