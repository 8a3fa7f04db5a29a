"""Write what a paper says of the study's methods, and what it must cite."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.citing.methods import Measured, as_text, paragraph
    from memorability.report.citing.references import bibliography, references
    from memorability.report.pages import heading_part, list_part, text_part, write_parts
    from memorability.workflow.records import environment_record, workflow_record

    said = paragraph(
        job.settings,
        Measured(
            images=job.read("images"),
            **{name: job.read_if_any(name) for name in ("ceiling", "predictions", "attributions")},
        ),
        environment_record(),
        workflow_record()["commit"],
    )
    cited = [references()[key].in_words() for key in job.params.cited]
    job.write_text("text", as_text(said, cited))
    job.write_text("bibliography", bibliography(job.params.cited))
    parts = [text_part(" ".join(said)), heading_part("To cite"), list_part(cited)]
    write_parts(parts, job.output.page, title="Methods in a paragraph, and what to cite")
