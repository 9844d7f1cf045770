"""What happens to jobs, by name."""

from partnerhub.outbox.recorder import Fact


class JobFact(Fact):
    stream_type = "job"


class JobConfirmed(JobFact):
    name = "job.confirmed"


class JobPaused(JobFact):
    name = "job.paused"


class JobResumed(JobFact):
    name = "job.resumed"


class JobRetried(JobFact):
    name = "job.retried"


class JobStopped(JobFact):
    name = "job.stopped"


class JobFinished(JobFact):
    name = "job.finished"
