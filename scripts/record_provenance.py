"""Record what made the results: configuration, versions, hardware, weights."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    import json
    from pathlib import Path

    from memorability.base.files import atomic
    from memorability.base.hashes import file_hashes
    from memorability.report.pages import write_page
    from memorability.report.provenance import provenance_rows
    from memorability.workflow.records import environment_record

    settings = snakemake.params.settings
    records = [
        json.loads(Path(path).read_text(encoding="utf-8")) for path in snakemake.input.records
    ]
    given, environment = file_hashes(snakemake.input.tables), environment_record()
    whole = {"configuration": settings, "tables": given, "environment": environment}
    with atomic(snakemake.output.record) as temporary:
        temporary.write_text(json.dumps(whole | {"runs": records}, indent=1), encoding="utf-8")
    write_page(
        provenance_rows(records, settings, given, environment),
        snakemake.output.page,
        title="Where these results come from",
        note=snakemake.params.note,
    )
