"""Why a call of a workload goes where it goes, with the resources that decide it."""
