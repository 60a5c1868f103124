"""One port that stands in for CloudFront, and the controls of the laptop cloud, which exist nowhere else."""
