from django.urls import path

from partnerhub.jobs.api import views

JOB = "jobs/<str:job_id>"

urlpatterns = [
    path("jobs", views.Jobs.as_view()),
    path(JOB, views.JobById.as_view()),
    path(f"{JOB}/rows", views.JobRows.as_view()),
    path(f"{JOB}/results", views.JobResults.as_view()),
    path(f"{JOB}/confirm", views.Confirmation.as_view()),
    path(f"{JOB}/pause", views.Pause.as_view()),
    path(f"{JOB}/resume", views.Resumption.as_view()),
    path(f"{JOB}/stop", views.Stop.as_view()),
    path(f"{JOB}/retry", views.Retry.as_view()),
    path(f"{JOB}/again", views.Again.as_view()),
]
